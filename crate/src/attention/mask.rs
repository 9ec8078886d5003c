//! A user's mask, broadcast to `[B, H, L, T]`: boolean (non-zero attends) or float (added to the score).

use super::arrays::Elements;
use super::{PANEL, panel};
use crate::numeric::widen;
use core::ops::Range;

/// The mask's elements.
#[derive(Clone, Copy)]
pub enum MaskElements<'a> {
    /// Non-zero attends.
    Boolean(&'a [u8]),
    /// Added to the score; −Infinity hides.
    Float(Elements<'a>),
}

/// A mask; a stride of 0 broadcasts.
#[derive(Clone, Copy)]
pub struct Mask<'a> {
    /// The memory.
    pub elements: MaskElements<'a>,
    /// From one batch to the next.
    pub batch_stride: usize,
    /// From one query head to the next.
    pub head_stride: usize,
    /// From one query row to the next.
    pub row_stride: usize,
    /// 1, or 0 to broadcast one column.
    pub key_stride: usize,
    /// Keys that the mask covers; further ones are hidden (by the key lengths, which the operation checks).
    pub keys: usize,
}

impl Mask<'_> {
    /// Writes what is added to the scores of `keys`, `tile[key][row]`: 0 or −Infinity for a boolean mask. Returns
    /// whether any of it is visible. `buffer` holds 8 rows of `keys.len()`.
    pub fn read_tile(
        &self,
        tile: &mut [f32],
        buffer: &mut [f32],
        b: usize,
        h: usize,
        rows: &[usize; PANEL],
        keys: Range<usize>,
    ) -> bool {
        let width = keys.len();
        let covered = keys.end.min(self.keys).saturating_sub(keys.start);
        for (row, &i) in buffer.chunks_exact_mut(width).zip(rows) {
            let start = b * self.batch_stride + h * self.head_stride + i * self.row_stride;
            let (inside, beyond) = row.split_at_mut(covered);
            if self.key_stride == 0 {
                let mut value = [0.0];
                self.read(&mut value, start);
                inside.fill(value[0]);
            } else if covered != 0 {
                self.read(inside, start + keys.start);
            }
            beyond.fill(f32::NEG_INFINITY);
        }
        let any_visible = buffer[..PANEL * width].iter().fold(false, |any, x| any | (*x != f32::NEG_INFINITY));
        if any_visible {
            panel::from_rows(tile, &buffer[..PANEL * width], width);
        }
        any_visible
    }

    fn read(&self, output: &mut [f32], start: usize) {
        let end = start + output.len();
        match self.elements {
            MaskElements::Boolean(elements) => {
                for (value, &attends) in output.iter_mut().zip(&elements[start..end]) {
                    *value = if attends != 0 { 0.0 } else { f32::NEG_INFINITY };
                }
            }
            MaskElements::Float(Elements::Float32(elements)) => output.copy_from_slice(&elements[start..end]),
            MaskElements::Float(Elements::Bits(elements, dtype)) => widen(output, &elements[start..end], dtype),
        }
    }
}
