//! The loops of the forward pass, and what it writes.

use super::layout::{Keys, Rows, Values};
use super::online_softmax::{Normalization, OnlineSoftmax, sum_weights, weigh};
use super::scores::{PanelRows, QueryPanel, Stage};
use super::scratch::{Block, Scratch};
use super::weights::write_weights;
use super::{Attention, Lanes, Outputs, panel, register_tile, single_row};
use crate::dtype::canonical;
use crate::simd::{F32x4, I32x4};
use crate::tiles::{KEY_BLOCK, KEY_STRIP, PANEL};
use core::array::from_fn;
use core::mem::take;
use core::ops::Range;

/// Computes attention. `scratch` is cut for the same call. docs/semantics.md is the specification.
pub fn attention_forward(mut outputs: Outputs<'_>, attention: &Attention<'_>, mut scratch: Scratch<'_>) {
    let sizes = &attention.sizes;
    let group = sizes.heads / sizes.key_heads;
    let length = sizes.query_length;
    for b in 0..sizes.batch {
        for key_head in 0..sizes.key_heads {
            let (key_memory, value_memory) = (take(&mut scratch.key), take(&mut scratch.value));
            let keys = attention.key.head(b, key_head, sizes.key_length, sizes.head_size, key_memory);
            let values = attention.value.head(b, key_head, sizes.key_length, sizes.value_head_size, value_memory);
            let mut values = HeadValues { values, all_finite: None };
            let mut first = 0;
            while first < group * length {
                // Few rows share a panel with those of the other heads, so that keys and values are read once for all of
                // them. Many would see too different keys.
                let (head, row) = (key_head * group + first / length, first % length);
                let rest = if length < PANEL { group * length - first } else { length - row };
                let count = rest.min(PANEL);
                let rows = PanelRows::narrow(count, |c| {
                    let (mut head, mut row) = (head, row + c);
                    while row >= length {
                        (head, row) = (head + 1, row - length);
                    }
                    (head, row)
                });
                forward_panel(&mut outputs, attention, b, keys, &mut values, &rows, &mut scratch);
                first += count;
            }
            (scratch.key, scratch.value) = (key_memory, value_memory);
        }
    }
    if let Some(request) = &mut outputs.weights {
        write_weights(request, attention, &mut scratch);
    }
}

/// One panel of rows that share a key head: over its keys block by block, then out.
fn forward_panel(
    outputs: &mut Outputs<'_>,
    attention: &Attention<'_>,
    b: usize,
    keys: Keys<'_>,
    values: &mut HeadValues<'_>,
    rows: &PanelRows,
    scratch: &mut Scratch<'_>,
) {
    let sizes = &attention.sizes;
    let width = rows.width;
    let mut panel = QueryPanel::load(attention, b, keys, rows, &mut scratch.panel);
    let mut softmax = OnlineSoftmax::default();
    let accumulator_steps = rows.steps(sizes.value_head_size);
    let accumulator = &mut scratch.accumulator[..accumulator_steps * PANEL];
    let mut is_first = true;

    // Hidden keys before the first visible one have weights of exactly 0.
    let visible = panel.range.outer.start / KEY_STRIP * KEY_STRIP..panel.range.outer.end;
    let mut start = visible.start;
    while start < visible.end {
        let keys = start..visible.end.min((start / KEY_BLOCK + 1) * KEY_BLOCK);
        start = keys.end;
        let Some(maximum) = panel.scores(&mut scratch.panel, &mut scratch.block, &keys, Stage::Log2) else {
            continue;
        };
        if let Some(factor) = softmax.raise(maximum) {
            panel::for_each(accumulator, accumulator_steps, |sum| from_fn(|half| sum[half] * factor[half]));
        }
        let weights = &mut scratch.block.scores[..rows.steps(keys.len()) * PANEL];
        weigh(weights, softmax.reference());
        softmax.add(sum_weights(weights, width));
        if let Some(dropout) = &attention.dropout {
            dropout.drop_weights(weights, b, rows, keys.clone());
        }
        values.accumulate(accumulator, is_first, &panel, scratch.panel.rows, &mut scratch.block, &keys);
        is_first = false;
    }
    if is_first {
        accumulator.fill(0.0);
    }

    let sinks = attention
        .sinks
        .map_or([F32x4::splat(f32::NEG_INFINITY); 2], |sinks| F32x4::lanes(|lane| sinks[rows.heads[lane]]));
    let normalization = softmax.finish(sinks);
    let kept = F32x4::splat(attention.dropout.as_ref().map_or(1.0, |dropout| dropout.scale));
    normalize(accumulator, &normalization, kept);
    let starts: [usize; PANEL] = from_fn(|c| outputs.output_strides.start(b, rows.heads[c], rows.rows[c]));
    outputs.output.write_panel(&starts[..rows.count], accumulator, width, sizes.value_head_size, scratch.panel.rows);

    // Rows of neighbouring heads follow each other.
    let statistics = (b * sizes.heads + rows.heads[0]) * sizes.query_length + rows.rows[0];
    if let Some(log_sum_exp) = &mut outputs.log_sum_exp {
        store_rows(log_sum_exp, statistics, rows.count, normalization.log_sum_exp().map(canonical));
    }
    if !scratch.references.is_empty() {
        store_rows(scratch.references, statistics, rows.count, normalization.reference);
        store_rows(scratch.inverses, statistics, rows.count, normalization.inverse);
    }
}

/// accumulator · kept / sum, 0 in fully masked rows.
#[inline(never)]
fn normalize(accumulator: &mut [f32], normalization: &Normalization, kept: F32x4) {
    let factor = normalization.inverse.map(|inverse| inverse * kept);
    let steps = accumulator.len() / PANEL;
    let mut are_numbers = [I32x4::splat(-1); 2];
    for lanes in accumulator.as_chunks_mut::<PANEL>().0 {
        let sum = panel::load(lanes, 0);
        // Adding +0 turns a −0, which depends on the sign of hidden values, into +0.
        let mean: Lanes = from_fn(|half| sum[half] * factor[half] + F32x4::zero());
        are_numbers = from_fn(|half| are_numbers[half] & mean[half].eq(mean[half]));
        panel::store(lanes, 0, mean);
    }
    let masked = normalization.fully_masked;
    if are_numbers[0].all() && are_numbers[1].all() && !(masked[0] | masked[1]).any() {
        return;
    }
    panel::for_each(accumulator, steps, |mean| {
        from_fn(|half| canonical(masked[half].select(F32x4::zero(), mean[half])))
    });
}

/// Writes the first `count` lanes at `start`.
fn store_rows(output: &mut [f32], start: usize, count: usize, lanes: Lanes) {
    let mut values = [0.0; PANEL];
    panel::store(&mut values, 0, lanes);
    output[start..start + count].copy_from_slice(&values[..count]);
}

/// The values of one key head.
struct HeadValues<'a> {
    values: Values<'a>,
    /// Whether they hold no NaN and no infinity; found out when it first matters.
    all_finite: Option<bool>,
}

impl HeadValues<'_> {
    /// `accumulator[d][c] += Σ_j value[j][d] · weight[j][c]`; for the first block the sums replace what is there.
    ///
    /// A hidden key's weight is exactly 0, which must not meet a value that isn't finite: 0 · Infinity is NaN.
    ///
    /// `buffer` is at least as long as the accumulator.
    fn accumulate(
        &mut self,
        accumulator: &mut [f32],
        is_first: bool,
        panel: &QueryPanel<'_>,
        buffer: &mut [f32],
        block: &mut Block<'_>,
        keys: &Range<usize>,
    ) {
        let Block { scores, mask, finite_value, .. } = block;
        let (size, width) = (self.values.size(), panel.rows.width);
        let weights = &scores[..keys.len() * width];
        if panel.is_open(keys) || self.all_finite() {
            accumulate(accumulator, self.values.part(keys), weights, width, is_first, buffer);
            return;
        }
        // The finite values by the product, the others by hand, to the rows that see them: as in the product, they make
        // the element infinite, or NaN where the weight is 0.
        if is_first {
            accumulator.fill(0.0);
        }
        for offset in 0..keys.len() {
            let row = &mut finite_value[offset * size..(offset + 1) * size];
            self.values.read(row, keys.start + offset);
            for (d, value) in row.iter_mut().enumerate() {
                if !value.is_finite() {
                    for c in 0..width {
                        if panel.row_sees(mask, keys, offset, c) {
                            accumulator[d * width + c] += *value * weights[offset * width + c];
                        }
                    }
                    *value = 0.0;
                }
            }
        }
        let finite = Values::rows(Rows::new(finite_value, size, keys.len(), size));
        accumulate(accumulator, finite, weights, width, false, buffer);
    }

    fn all_finite(&mut self) -> bool {
        *self.all_finite.get_or_insert_with(|| self.values.all_finite())
    }
}

/// `buffer` is at least as long as the accumulator.
fn accumulate(
    accumulator: &mut [f32],
    values: Values<'_>,
    weights: &[f32],
    width: usize,
    is_first: bool,
    buffer: &mut [f32],
) {
    if width != 1 {
        register_tile::accumulate(accumulator, values, weights, width, is_first);
        return;
    }
    if is_first {
        accumulator.fill(0.0);
        single_row::accumulate(accumulator, values, weights);
        return;
    }
    // The block's sum is added as a whole, as `register_tile` does.
    let sums = &mut buffer[..accumulator.len()];
    sums.fill(0.0);
    single_row::accumulate(sums, values, weights);
    panel::for_each_step(accumulator, |step, total| {
        let sum = panel::load(sums, step);
        from_fn(|half| total[half] + sum[half])
    });
}
