//! Attention weights, or the scores before them, for the heads and rows that are asked for.
//!
//! They are computed again from the query and key after the forward pass, which leaves each row's reference and sum:
//! so the forward pass pays nothing for them, and a chosen row has the same bits as in the full result.

use super::arrays::ElementsMut;
use super::layout::Keys;
use super::online_softmax::weigh;
use super::scores::{PanelRows, QueryPanel, Stage};
use super::scratch::{Block, Scratch};
use super::{Attention, Lanes, panel};
use crate::dtype::canonical;
use crate::numbered::numbered;
use crate::simd::F32x4;
use crate::tiles::{KEY_BLOCK, PANEL};
use core::array::from_fn;
use core::mem::take;
use core::ops::Range;

numbered! {
    /// ONNX's `qk_matmul_output_mode`, and one more.
    pub enum WeightsMode {
        /// scale · query · key.
        Raw = "raw",
        /// After the softcap.
        Capped = "capped",
        /// After ALiBi and masks.
        Score = "score",
        /// After the softmax.
        Softmax = "softmax",
        /// After dropout.
        Dropout = "dropout",
    }
}

impl WeightsMode {
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
    let key_memory = take(&mut scratch.key);
    for b in 0..attention.sizes.batch {
        if request.average_heads {
            write_averages(request, attention, b, scratch, key_memory);
        } else {
            write_heads(request, attention, b, scratch, key_memory);
        }
    }
    scratch.key = key_memory;
}

/// Rows `group_rows` of head `h`. Always 8 wide, so that a row's bits don't depend on which others are asked for.
fn panel_rows(h: u32, group_rows: &[u32]) -> PanelRows {
    PanelRows::new(group_rows.len(), PANEL, |c| (h as usize, group_rows[c] as usize))
}

/// The keys that head `h` reads.
fn keys_of<'a>(attention: &Attention<'a>, b: usize, h: u32, memory: &'a mut [f32]) -> Keys<'a> {
    let sizes = &attention.sizes;
    let group = sizes.heads / sizes.key_heads;
    attention.key.head(b, h as usize / group, sizes.key_length, sizes.head_size, memory)
}

/// The matrix of each head that is asked for.
fn write_heads(
    request: &mut WeightsRequest<'_>,
    attention: &Attention<'_>,
    b: usize,
    scratch: &mut Scratch<'_>,
    key_memory: &mut [f32],
) {
    let key_length = attention.sizes.key_length;
    for (index, &h) in request.heads.iter().enumerate() {
        let head_keys = keys_of(attention, b, h, key_memory);
        for (group, group_rows) in request.rows.chunks(PANEL).enumerate() {
            let first_row = (b * request.heads.len() + index) * request.rows.len() + group * PANEL;
            let panel_rows = panel_rows(h, group_rows);
            let mut panel = QueryPanel::load(attention, b, head_keys, &panel_rows, &mut scratch.panel);
            for keys in blocks(key_length) {
                block_weights(request.mode, attention, &mut panel, scratch, &keys);
                let Block { scores, rows: buffer, .. } = &mut scratch.block;
                let starts: [usize; PANEL] = from_fn(|r| (first_row + r) * key_length + keys.start);
                let starts = &starts[..group_rows.len()];
                request.elements.write_panel(starts, scores, PANEL, keys.len(), buffer);
            }
        }
    }
}

/// The mean over the heads that are asked for: their sum by ascending index, divided by their count.
fn write_averages(
    request: &mut WeightsRequest<'_>,
    attention: &Attention<'_>,
    b: usize,
    scratch: &mut Scratch<'_>,
    key_memory: &mut [f32],
) {
    let key_length = attention.sizes.key_length;
    let heads = request.heads;
    let count = F32x4::splat(heads.len() as f32);
    for (group, group_rows) in request.rows.chunks(PANEL).enumerate() {
        scratch.head_sum.fill(0.0);
        let asked = (0..attention.sizes.heads).flat_map(|h| heads.iter().filter(move |&&asked| asked as usize == h));
        for &h in asked {
            let panel_rows = panel_rows(h, group_rows);
            let head_keys = keys_of(attention, b, h, key_memory);
            let mut panel = QueryPanel::load(attention, b, head_keys, &panel_rows, &mut scratch.panel);
            for keys in blocks(key_length) {
                block_weights(request.mode, attention, &mut panel, scratch, &keys);
                for (step, j) in keys.enumerate() {
                    let sum = panel::load(scratch.head_sum, j);
                    let weight = panel::load(scratch.block.scores, step);
                    panel::store(scratch.head_sum, j, from_fn(|half| sum[half] + weight[half]));
                }
            }
        }
        panel::for_each(scratch.head_sum, key_length, |sum| sum.map(|sum| canonical(sum / count)));
        let first_row = b * request.rows.len() + group * PANEL;
        for keys in blocks(key_length) {
            let sums = &scratch.head_sum[keys.start * PANEL..keys.end * PANEL];
            let starts: [usize; PANEL] = from_fn(|r| (first_row + r) * key_length + keys.start);
            let starts = &starts[..group_rows.len()];
            request.elements.write_panel(starts, sums, PANEL, keys.len(), scratch.block.rows);
        }
    }
}

fn blocks(key_length: usize) -> impl Iterator<Item = Range<usize>> {
    (0..key_length).step_by(KEY_BLOCK).map(move |start| start..key_length.min(start + KEY_BLOCK))
}

/// The values of one block, `[keys][8]`, into `block.scores`.
fn block_weights(
    mode: WeightsMode,
    attention: &Attention<'_>,
    panel: &mut QueryPanel<'_>,
    scratch: &mut Scratch<'_>,
    keys: &Range<usize>,
) {
    let Scratch { panel: memory, block, references, inverses, .. } = scratch;
    let length = keys.len() * PANEL;
    let stage = match mode {
        WeightsMode::Raw => Stage::Raw,
        WeightsMode::Capped => Stage::Capped,
        WeightsMode::Score => Stage::Score,
        WeightsMode::Softmax | WeightsMode::Dropout => Stage::Log2,
    };
    let outer = &panel.range.outer;
    let is_closed = stage == Stage::Log2 && (keys.end <= outer.start || outer.end <= keys.start);
    if is_closed || panel.scores(memory, block, keys, stage).is_none() {
        block.scores[..length].fill(if stage == Stage::Score { f32::NEG_INFINITY } else { 0.0 });
        return;
    }
    if stage != Stage::Log2 {
        panel::for_each(block.scores, keys.len(), |score| score.map(canonical));
        return;
    }
    let sizes = &attention.sizes;
    let row = |c: usize| (panel.b * sizes.heads + panel.rows.heads[c]) * sizes.query_length + panel.rows.rows[c];
    let lanes = |values: &[f32]| -> Lanes { F32x4::lanes(|lane| values[row(lane)]) };
    let (reference, inverse) = (lanes(references), lanes(inverses));
    weigh(&mut block.scores[..length], reference);
    if mode == WeightsMode::Dropout
        && let Some(dropout) = &attention.dropout
    {
        dropout.drop_weights(&mut block.scores[..length], panel.b, panel.rows, keys.clone());
    }
    let kept = match (mode, &attention.dropout) {
        (WeightsMode::Dropout, Some(dropout)) => dropout.scale,
        _ => 1.0,
    };
    let sees = panel.sees(block.mask, keys);
    for step in 0..keys.len() {
        let weight = panel::load(block.scores, step);
        // A hidden key's weight is 0 also in a row of NaN, and no subnormal number goes out.
        let sees = sees(step);
        let weight = from_fn(|half| {
            let weight = (weight[half] * inverse[half]).pseudo_min(F32x4::splat(1.0)) * F32x4::splat(kept);
            let is_subnormal = weight.lt(F32x4::splat(f32::MIN_POSITIVE));
            (sees[half] & !is_subnormal).select(canonical(weight), F32x4::zero())
        });
        panel::store(block.scores, step, weight);
    }
}
