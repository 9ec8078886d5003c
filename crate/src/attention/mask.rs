//! A user's mask, broadcast to `[B, H, L, T]`: boolean (non-zero attends) or float (added to the score).

use super::arrays::Elements;
use super::panel;
use super::query_rows::QueryRows;
use crate::dtype::widen;
use crate::simd::{F32x4, I32x4, LANES};
use crate::tiles::PANEL;
use core::ops::Range;

/// The mask's elements.
#[derive(Clone, Copy)]
pub enum MaskElements<'a> {
    /// Non-zero attends.
    Boolean(&'a [u8]),
    /// Added to the score; −Infinity hides.
    Float(Elements<'a>),
}

/// A mask. Strides are distances, in elements, from one batch, query head or query row to the next; 0 broadcasts.
#[derive(Clone, Copy)]
pub struct Mask<'a> {
    pub elements: MaskElements<'a>,
    pub batch_stride: usize,
    pub head_stride: usize,
    pub row_stride: usize,
    /// 1, or 0 to broadcast one column.
    pub key_stride: usize,
    /// Keys that the mask covers; further ones are hidden (by the key lengths, which the operation checks).
    pub keys: usize,
}

impl Mask<'_> {
    /// Writes into `panel` `[keys][columns]` what is added to the scores of `keys`: 0 or −Infinity for a boolean mask.
    /// Returns whether any of it is visible; if not, nothing is written. `buffer` is as long as `panel`.
    pub fn read_panel(
        &self,
        panel: &mut [f32],
        buffer: &mut [f32],
        b: usize,
        rows: &QueryRows,
        keys: &Range<usize>,
    ) -> bool {
        let key_count = keys.len();
        let covered = keys.end.min(self.keys).saturating_sub(keys.start);
        let start =
            |c: usize| b * self.batch_stride + rows.heads[c] * self.head_stride + rows.indices[c] * self.row_stride;
        let mut read: [&[f32]; PANEL] = [&[]; PANEL];
        match self.elements {
            MaskElements::Float(Elements::Float32(elements)) if self.key_stride != 0 && covered == key_count => {
                for (c, row) in read[..rows.columns].iter_mut().enumerate() {
                    *row = &elements[start(c) + keys.start..][..key_count];
                }
            }
            _ => {
                for (c, row) in buffer[..rows.columns * key_count].chunks_exact_mut(key_count).enumerate() {
                    let (inside, beyond) = row.split_at_mut(covered);
                    if self.key_stride == 0 {
                        let mut value = [0.0];
                        self.read(&mut value, start(c));
                        inside.fill(value[0]);
                    } else if covered != 0 {
                        self.read(inside, start(c) + keys.start);
                    }
                    beyond.fill(f32::NEG_INFINITY);
                }
                for (row, buffered) in read[..rows.columns].iter_mut().zip(buffer.chunks_exact(key_count)) {
                    *row = buffered;
                }
            }
        }
        let read = &read[..rows.columns];
        let any_visible = read.iter().any(|row| row.iter().any(|x| *x != f32::NEG_INFINITY));
        if any_visible {
            panel::from_rows(panel, read, 1.0);
        }
        any_visible
    }

    fn read(&self, output: &mut [f32], start: usize) {
        let end = start + output.len();
        match self.elements {
            MaskElements::Boolean(elements) => {
                let (vectors, rest) = output.as_chunks_mut::<LANES>();
                let (fours, last) = elements[start..end].as_chunks::<LANES>();
                for (values, attend) in vectors.iter_mut().zip(fours) {
                    let hides = I32x4::from_array(attend.map(i32::from)).eq(I32x4::splat(0));
                    hides.select(F32x4::splat(f32::NEG_INFINITY), F32x4::zero()).store(values);
                }
                for (value, &attends) in rest.iter_mut().zip(last) {
                    *value = if attends != 0 { 0.0 } else { f32::NEG_INFINITY };
                }
            }
            MaskElements::Float(Elements::Float32(elements)) => output.copy_from_slice(&elements[start..end]),
            MaskElements::Float(Elements::Bits(elements, dtype)) => widen(output, &elements[start..end], dtype),
        }
    }
}
