//! The loops of the forward pass, and what it writes.

use super::online_softmax::{OnlineSoftmax, weigh};
use super::register_tile::{Rows, accumulate};
use super::scores::QueryPanel;
use super::scratch::{Block, Scratch};
use super::weights::write_weights;
use super::{Attention, BLOCK, Lanes, Outputs, PANEL, SINGLE_BLOCK, panel};
use crate::numeric::canonical;
use crate::simd::{F32x4, LANES};
use core::array::from_fn;
use core::ops::Range;

/// Computes attention. `scratch` is cut for the same call. docs/semantics.md is the specification.
pub fn attention_forward(mut outputs: Outputs<'_>, attention: &Attention<'_>, mut scratch: Scratch<'_>) {
    let sizes = &attention.sizes;
    let group = sizes.heads / sizes.key_heads;
    for b in 0..sizes.batch {
        for key_head in 0..sizes.key_heads {
            let mut values = Values { attention, b, key_head, all_finite: None };
            for h in key_head * group..(key_head + 1) * group {
                for first in (0..sizes.query_length).step_by(PANEL) {
                    let count = PANEL.min(sizes.query_length - first);
                    let rows: [usize; PANEL] = from_fn(|c| first + c);
                    forward_panel(&mut outputs, attention, &mut values, b, h, &rows[..count], &mut scratch);
                }
            }
        }
    }
    if let Some(request) = &mut outputs.weights {
        write_weights(request, attention, &mut scratch);
    }
}

/// One panel of up to 8 rows: over its keys block by block, then out.
fn forward_panel(
    outputs: &mut Outputs<'_>,
    attention: &Attention<'_>,
    values: &mut Values<'_>,
    b: usize,
    h: usize,
    rows: &[usize],
    scratch: &mut Scratch<'_>,
) {
    let sizes = &attention.sizes;
    let panel = QueryPanel::load(attention, b, h, rows, scratch);
    let sink = attention.sinks.map_or(f32::NEG_INFINITY, |sinks| sinks[h]);
    let mut softmax = OnlineSoftmax::default();
    scratch.accumulator.fill(0.0);

    let visible = panel.range.outer.clone();
    let block_length = if visible.len() <= SINGLE_BLOCK { SINGLE_BLOCK } else { BLOCK };
    let mut start = visible.start;
    while start < visible.end {
        let keys = start..visible.end.min(start + block_length);
        start = keys.end;
        let Some(maximum) = panel.log2_scores(scratch.query, scratch.query_log2, &mut scratch.block, &keys) else {
            continue;
        };
        if let Some(factor) = softmax.raise(maximum) {
            panel::for_each(scratch.accumulator, sizes.value_head_size, |sum| from_fn(|half| sum[half] * factor[half]));
        }
        let weights = &mut scratch.block.scores[..keys.len() * PANEL];
        softmax.add(weigh(weights, softmax.reference()));
        if let Some(dropout) = &attention.dropout {
            dropout.drop_weights(weights, b, h, &panel.rows, keys.clone());
        }
        values.accumulate(scratch.accumulator, &panel, &mut scratch.block, &keys);
    }

    let normalization = softmax.finish(sink);
    let kept = F32x4::splat(attention.dropout.as_ref().map_or(1.0, |dropout| dropout.scale));
    let width = sizes.value_head_size;
    panel::for_each(scratch.accumulator, width, |sum| {
        from_fn(|half| {
            // Adding +0 turns a −0, which depends on the sign of hidden values, into +0.
            let mean = sum[half] * normalization.inverse[half] * kept + F32x4::zero();
            canonical(normalization.fully_masked[half].select(F32x4::zero(), mean))
        })
    });
    panel::to_rows(&mut scratch.rows[..PANEL * width], scratch.accumulator, width);
    for (row, &i) in scratch.rows.chunks_exact(width).zip(rows) {
        outputs.output.write(outputs.output_strides.start(b, h, i), row);
    }

    let statistics = (b * sizes.heads + h) * sizes.query_length + rows[0];
    if let Some(log_sum_exp) = &mut outputs.log_sum_exp {
        store_rows(log_sum_exp, statistics, rows.len(), normalization.log_sum_exp.map(canonical));
    }
    if !scratch.references.is_empty() {
        store_rows(scratch.references, statistics, rows.len(), normalization.reference);
        store_rows(scratch.inverses, statistics, rows.len(), normalization.inverse);
    }
}

/// Writes the first `count` lanes at `start`.
fn store_rows(output: &mut [f32], start: usize, count: usize, lanes: Lanes) {
    let mut values = [0.0; PANEL];
    panel::store(&mut values, 0, lanes);
    output[start..start + count].copy_from_slice(&values[..count]);
}

/// The values of one key head.
struct Values<'a> {
    attention: &'a Attention<'a>,
    b: usize,
    key_head: usize,
    /// Whether they hold no NaN and no infinity; found out when it first matters.
    all_finite: Option<bool>,
}

impl Values<'_> {
    /// `accumulator[d][c] += Σ_j value[j][d] · weight[j][c]`.
    ///
    /// A hidden key's weight is exactly 0, which must not meet a value that isn't finite: 0 · Infinity is NaN.
    fn accumulate(
        &mut self,
        accumulator: &mut [f32],
        panel: &QueryPanel<'_>,
        block: &mut Block<'_>,
        keys: &Range<usize>,
    ) {
        let Block { scores, mask, value: buffer, .. } = block;
        let (heads, width) = (self.attention.value, self.attention.sizes.value_head_size);
        let weights = &scores[..keys.len() * PANEL];
        if panel.is_open(keys) || self.all_finite() {
            accumulate(accumulator, heads.rows(self.b, self.key_head, keys.start, keys.len(), width, buffer), weights);
            return;
        }
        // The finite values by the product, the others by hand, to the rows that see them: whatever the weight, they
        // make the element NaN or infinite.
        for step in 0..keys.len() {
            let row = &mut buffer[step * width..(step + 1) * width];
            heads.read_row(row, self.b, self.key_head, keys.start + step);
            for (d, value) in row.iter_mut().enumerate() {
                if !value.is_finite() {
                    let sees = panel.sees(mask, keys, step);
                    let sum = panel::load(accumulator, d);
                    let spoilt = from_fn(|half| sees[half].select(sum[half] + F32x4::splat(*value), sum[half]));
                    panel::store(accumulator, d, spoilt);
                    *value = 0.0;
                }
            }
        }
        accumulate(accumulator, Rows::new(buffer, width, keys.len(), width), weights);
    }

    fn all_finite(&mut self) -> bool {
        let Attention { sizes, value, .. } = self.attention;
        let (b, key_head) = (self.b, self.key_head);
        *self.all_finite.get_or_insert_with(|| value.all_finite(b, key_head, sizes.key_length, sizes.value_head_size))
    }
}

const _: () = assert!(PANEL == 2 * LANES);
