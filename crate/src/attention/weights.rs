//! Attention weights, or the scores before them, for the heads and rows that are asked for.
//!
//! They are computed again from the query and key after the forward pass, which leaves each row's reference and sum:
//! so the forward pass pays nothing for them, and a chosen row has the same bits as in the full result.

use super::arrays::ElementsMut;
use super::online_softmax::weigh;
use super::scores::{QueryPanel, Stage};
use super::scratch::{Block, Scratch};
use super::{Attention, Lanes, PANEL, SINGLE_BLOCK, panel};
use crate::numeric::canonical;
use crate::simd::F32x4;
use core::array::from_fn;
use core::ops::Range;

/// ONNX's `qk_matmul_output_mode`, and one more.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum WeightsMode {
    /// 0: scale · query · key.
    Raw,
    /// 1: after the softcap.
    Capped,
    /// 2: after ALiBi and masks.
    Score,
    /// 3: after the softmax.
    Softmax,
    /// 4: after dropout.
    Dropout,
}

impl WeightsMode {
    /// From its number.
    pub fn from_number(number: u32) -> Option<Self> {
        [Self::Raw, Self::Capped, Self::Score, Self::Softmax, Self::Dropout].get(number as usize).copied()
    }

    /// Whether the forward pass's reference and sum are needed.
    pub fn is_normalized(self) -> bool {
        matches!(self, Self::Softmax | Self::Dropout)
    }
}

/// What to write where.
pub struct WeightsRequest<'a> {
    /// `[B, heads, rows, T]`, or `[B, rows, T]` when averaged.
    pub elements: ElementsMut<'a>,
    /// Which values.
    pub mode: WeightsMode,
    /// Query heads, in the order of the result.
    pub heads: &'a [u32],
    /// Query rows, in the order of the result.
    pub rows: &'a [u32],
    /// The mean over the heads instead: their sum by ascending index, divided by their count.
    pub average_heads: bool,
}

/// Fills the request, after the forward pass has left its statistics in the scratch.
pub fn write_weights(request: &mut WeightsRequest<'_>, attention: &Attention<'_>, scratch: &mut Scratch<'_>) {
    let key_length = attention.sizes.key_length;
    let (heads, rows) = (request.heads, request.rows);
    for b in 0..attention.sizes.batch {
        for (group, group_rows) in rows.chunks(PANEL).enumerate() {
            let mut row_numbers = [0; PANEL];
            for (number, &row) in row_numbers.iter_mut().zip(group_rows) {
                *number = row as usize;
            }
            let row_numbers = &row_numbers[..group_rows.len()];
            // Where the result's row r of its matrix m starts.
            let start = |m: usize, r: usize| (m * rows.len() + group * PANEL + r) * key_length;

            if !request.average_heads {
                for (index, &h) in heads.iter().enumerate() {
                    let matrix = b * heads.len() + index;
                    let panel = QueryPanel::load(attention, b, h as usize, row_numbers, scratch);
                    for keys in blocks(key_length) {
                        block_weights(request.mode, attention, &panel, scratch, &keys);
                        let Block { scores, rows: buffer, .. } = &mut scratch.block;
                        write_block(
                            &mut request.elements,
                            scores,
                            buffer,
                            &keys,
                            |r| start(matrix, r),
                            row_numbers.len(),
                        );
                    }
                }
                continue;
            }

            scratch.head_sum.fill(0.0);
            let asked =
                (0..attention.sizes.heads).flat_map(|h| heads.iter().filter(move |&&asked| asked as usize == h));
            for &h in asked {
                let panel = QueryPanel::load(attention, b, h as usize, row_numbers, scratch);
                for keys in blocks(key_length) {
                    block_weights(request.mode, attention, &panel, scratch, &keys);
                    for (step, j) in keys.enumerate() {
                        let sum = panel::load(scratch.head_sum, j);
                        let weight = panel::load(scratch.block.scores, step);
                        panel::store(scratch.head_sum, j, from_fn(|half| sum[half] + weight[half]));
                    }
                }
            }
            let count = F32x4::splat(heads.len() as f32);
            panel::for_each(scratch.head_sum, key_length, |sum| sum.map(|sum| canonical(sum / count)));
            for keys in blocks(key_length) {
                let sums = &scratch.head_sum[keys.start * PANEL..keys.end * PANEL];
                write_block(&mut request.elements, sums, scratch.block.rows, &keys, |r| start(b, r), row_numbers.len());
            }
        }
    }
}

fn blocks(key_length: usize) -> impl Iterator<Item = Range<usize>> {
    (0..key_length).step_by(SINGLE_BLOCK).map(move |start| start..key_length.min(start + SINGLE_BLOCK))
}

/// The values of one block, `[keys][8]`, into `block.scores`.
fn block_weights(
    mode: WeightsMode,
    attention: &Attention<'_>,
    panel: &QueryPanel<'_>,
    scratch: &mut Scratch<'_>,
    keys: &Range<usize>,
) {
    let Scratch { query, query_log2, block, references, inverses, .. } = scratch;
    let length = keys.len() * PANEL;
    let stage = match mode {
        WeightsMode::Raw => Stage::Raw,
        WeightsMode::Capped => Stage::Capped,
        WeightsMode::Score => Stage::Score,
        WeightsMode::Softmax | WeightsMode::Dropout => Stage::Log2,
    };
    if stage != Stage::Log2 {
        panel.staged_scores(query, block, keys, stage);
        panel::for_each(block.scores, keys.len(), |score| score.map(canonical));
        return;
    }
    let outer = &panel.range.outer;
    let is_closed = keys.end <= outer.start || outer.end <= keys.start;
    if is_closed || panel.log2_scores(query, query_log2, block, keys).is_none() {
        block.scores[..length].fill(0.0);
        return;
    }
    let row = |c: usize| (panel.b * attention.sizes.heads + panel.h) * attention.sizes.query_length + panel.rows[c];
    let lanes = |values: &[f32]| -> Lanes { from_fn(|half| F32x4::from_array(from_fn(|c| values[row(half * 4 + c)]))) };
    let inverse = lanes(inverses);
    weigh(&mut block.scores[..length], lanes(references));
    if mode == WeightsMode::Dropout
        && let Some(dropout) = &attention.dropout
    {
        dropout.drop_weights(&mut block.scores[..length], panel.b, panel.h, &panel.rows, keys.clone());
    }
    let kept = match (mode, &attention.dropout) {
        (WeightsMode::Dropout, Some(dropout)) => dropout.scale,
        _ => 1.0,
    };
    for step in 0..keys.len() {
        let weight = panel::load(block.scores, step);
        // A hidden key's weight is 0 also in a row of NaN, and no subnormal number goes out.
        let sees = panel.sees(block.mask, keys, step);
        let weight = from_fn(|half| {
            let weight = weight[half] * inverse[half] * F32x4::splat(kept);
            let is_subnormal = weight.lt(F32x4::splat(f32::MIN_POSITIVE));
            (sees[half] & !is_subnormal).select(canonical(weight), F32x4::zero())
        });
        panel::store(block.scores, step, weight);
    }
}

/// Writes a block's columns as rows: column r at `start(r) + keys.start`.
fn write_block(
    elements: &mut ElementsMut<'_>,
    block: &[f32],
    buffer: &mut [f32],
    keys: &Range<usize>,
    start: impl Fn(usize) -> usize,
    rows: usize,
) {
    let width = keys.len();
    panel::to_rows(&mut buffer[..PANEL * width], block, width);
    for (r, row) in buffer.chunks_exact(width).take(rows).enumerate() {
        elements.write(start(r) + keys.start, row);
    }
}
