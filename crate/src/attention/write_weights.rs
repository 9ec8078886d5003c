//! Writes attention weights, or the scores before them, for the heads and rows that are asked for.
//!
//! They are computed again from the query and key after the forward pass, which leaves each row's reference and sum:
//! so the forward pass pays nothing for them, and a chosen row has the same bits as in the full result. (Deviation 10 of
//! `forward`.)

use super::call::Attention;
use super::key_blocks::key_blocks;
use super::layout::Keys;
use super::online_softmax::weigh;
use super::panel;
use super::query_rows::QueryRows;
use super::score_steps::Stage;
use super::scores::PanelScores;
use super::scratch::{PanelMemory, Scratch, Statistics};
use super::weights::{WeightsMode, WeightsRequest};
use crate::dtype::canonical;
use crate::simd::F32x8;
use crate::tiles::PANEL;
use core::array::from_fn;
use core::ops::Range;

/// Fills the request, after the forward pass has left its statistics in the scratch.
#[inline(never)]
pub fn write_weights(request: &mut WeightsRequest<'_>, attention: &Attention<'_>, scratch: &mut Scratch<'_>) {
    for b in 0..attention.sizes.batch {
        if request.average_heads {
            write_averages(request, attention, b, scratch);
        } else {
            write_heads(request, attention, b, scratch);
        }
    }
}

/// Rows `indices` of head `h`. Always 8 columns, so that a row's bits don't depend on which others are asked for.
fn query_rows(h: u32, indices: &[u32]) -> QueryRows {
    QueryRows::new(indices.len(), PANEL, |c| (h as usize, indices[c] as usize))
}

/// The keys that head `h` reads; `buffer` as for `Heads::head`.
fn keys_of<'a>(buffer: &'a mut [f32], attention: &Attention<'a>, b: usize, h: u32) -> Keys<'a> {
    let sizes = &attention.sizes;
    attention.key.head(buffer, b, h as usize / sizes.group(), sizes.key_length, sizes.head_size)
}

/// The matrix of each head that is asked for.
fn write_heads(request: &mut WeightsRequest<'_>, attention: &Attention<'_>, b: usize, scratch: &mut Scratch<'_>) {
    let key_length = attention.sizes.key_length;
    let PanelMemory { scores: scores_memory, weights, output_rows, .. } = &mut scratch.panel;
    for (index, &h) in request.heads.iter().enumerate() {
        let head_keys = keys_of(scratch.key, attention, b, h);
        for (chunk, indices) in request.rows.chunks(PANEL).enumerate() {
            let first_row = (b * request.heads.len() + index) * request.rows.len() + chunk * PANEL;
            let rows = query_rows(h, indices);
            let mut scores = PanelScores::new(scores_memory, attention, b, head_keys, &rows);
            for keys in key_blocks(0..key_length) {
                let weights = &mut weights[..keys.len() * PANEL];
                block_weights(weights, &mut scores, &scratch.statistics, &keys, request.mode);
                let starts: [usize; PANEL] = from_fn(|c| (first_row + c) * key_length + keys.start);
                request.elements.write_panel(weights, &starts[..indices.len()], output_rows, keys.len(), PANEL);
            }
        }
    }
}

/// The mean over the heads that are asked for: their sum by ascending index, divided by their count.
fn write_averages(request: &mut WeightsRequest<'_>, attention: &Attention<'_>, b: usize, scratch: &mut Scratch<'_>) {
    let key_length = attention.sizes.key_length;
    let heads = request.heads;
    let count = F32x8::splat(heads.len() as f32);
    let PanelMemory { scores: scores_memory, weights, output_rows, .. } = &mut scratch.panel;
    for (chunk, indices) in request.rows.chunks(PANEL).enumerate() {
        scratch.head_sum.fill(0.0);
        let asked = (0..attention.sizes.heads).flat_map(|h| heads.iter().filter(move |&&asked| asked as usize == h));
        for &h in asked {
            let rows = query_rows(h, indices);
            let head_keys = keys_of(scratch.key, attention, b, h);
            let mut scores = PanelScores::new(scores_memory, attention, b, head_keys, &rows);
            for keys in key_blocks(0..key_length) {
                let weights = &mut weights[..keys.len() * PANEL];
                block_weights(weights, &mut scores, &scratch.statistics, &keys, request.mode);
                let sums = &mut scratch.head_sum[keys.start * PANEL..keys.end * PANEL];
                panel::for_each_pair(sums, weights, |sum, weight| sum + weight);
            }
        }
        panel::for_each(scratch.head_sum, |sum| (sum / count).map(canonical));
        let first_row = b * request.rows.len() + chunk * PANEL;
        for keys in key_blocks(0..key_length) {
            let means = &scratch.head_sum[keys.start * PANEL..keys.end * PANEL];
            let starts: [usize; PANEL] = from_fn(|c| (first_row + c) * key_length + keys.start);
            request.elements.write_panel(means, &starts[..indices.len()], output_rows, keys.len(), PANEL);
        }
    }
}

/// The values of one block, `[keys][8]`.
#[inline(never)]
fn block_weights(
    weights: &mut [f32],
    scores: &mut PanelScores<'_, '_>,
    statistics: &Statistics<'_>,
    keys: &Range<usize>,
    mode: WeightsMode,
) {
    let stage = match mode {
        WeightsMode::Raw => Stage::Raw,
        WeightsMode::Capped => Stage::Capped,
        WeightsMode::Score => Stage::Score,
        WeightsMode::Softmax | WeightsMode::Dropout => Stage::Log2,
    };
    let outer = &scores.panel.range.outer;
    let is_closed = stage == Stage::Log2 && (keys.end <= outer.start || outer.end <= keys.start);
    if is_closed || scores.write(weights, keys, stage).is_none() {
        weights.fill(if stage == Stage::Score { f32::NEG_INFINITY } else { 0.0 });
    } else if stage == Stage::Log2 {
        normalize_block(weights, scores, statistics, keys, mode == WeightsMode::Dropout);
    } else {
        panel::for_each(weights, |score| score.map(canonical));
    }
}

/// Turns the scores of a block into weights, by what the forward pass left of their rows.
fn normalize_block(
    weights: &mut [f32],
    scores: &PanelScores<'_, '_>,
    statistics: &Statistics<'_>,
    keys: &Range<usize>,
    after_dropout: bool,
) {
    let (attention, b, rows) = (scores.panel.attention, scores.panel.b, scores.panel.rows);
    let of_rows = |values: &[f32]| {
        F32x8::from_fn(|lane| values[attention.sizes.row_number(b, rows.heads[lane], rows.indices[lane])])
    };
    let (reference, inverse) = (of_rows(statistics.references), of_rows(statistics.inverses));
    // Of rows that see no key; of a key that they do see the score is −Infinity, and the weight 0.
    let reference = reference.eq(F32x8::splat(f32::NEG_INFINITY)).select(F32x8::zero(), reference);
    weigh(weights, reference);
    let dropout = attention.dropout.as_ref().filter(|_| after_dropout);
    if let Some(dropout) = dropout {
        dropout.drop_weights(weights, b, rows, keys);
    }
    let kept = F32x8::splat(dropout.map_or(1.0, |dropout| dropout.scale));
    let sees = scores.sees(keys);
    panel::for_each_step(weights, |step, weight| {
        // A hidden key's weight is 0 also in a row of NaN, and no subnormal number goes out.
        let weight = (weight * inverse).pseudo_min(F32x8::splat(1.0)) * kept;
        let is_subnormal = weight.lt(F32x8::splat(f32::MIN_POSITIVE));
        (sees(step) & !is_subnormal).select(weight.map(canonical), F32x8::zero())
    });
}
