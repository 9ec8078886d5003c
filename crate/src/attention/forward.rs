//! The forward pass.
//!
//! ```text
//! for each batch b and key head h′
//!   K [T, D], V [T, Dv] = the keys and values of h′                        (1)
//!   for each panel Q [8, D] of query rows whose heads read h′              (2)
//!     A [8, Dv] = 0   s [8] = 0   m [8] = r [8] = −∞
//!     for each block J of keys that a row of the panel sees                (3)
//!       S [8, J] = scale · Q · K[J]ᵀ, then softcap, ALiBi, masks           (4)
//!       m        = max(m, max_j S[·, j])
//!       where m leaves r behind: A and s ·= exp(r − m), r = m              (5)
//!       W [8, J] = exp(S − r)                                              (6)
//!       s       += Σ_j W[·, j]                                             (7)
//!       A       += dropout(W) · V[J]                                       (8)
//!     s     += exp(sink − r)
//!     output = A / s   log_sum_exp = r + ln s                              (9)
//! weights, where they are asked for: exp(S − r) / s, once more             (10)
//! ```
//!
//! What the code does otherwise than these lines, or besides:
//!
//! 1. Where keys and values have 16 bits, they are widened once a head, for all of its panels (`arrays`).
//! 2. A panel is transposed: Q is `[D][8]`, S and W `[J][8]`, A `[Dv][8]`. A vector holds one key's scores for 4 queries, so
//!    that no step crosses lanes. Few rows share a panel with those of other heads, and it gets 4 columns, or one
//!    (`query_rows`); of one row a vector holds the scores for 4 keys (`single_row`).
//! 3. Blocks are cut at the multiples of 264 (`key_blocks`), not from the first key that a row sees: each row's sums are cut
//!    at the same keys in every call. The first block alone may begin late, at a multiple of 12.
//! 4. Scores are in units of log 2, exp is 2^x, and scale · log2 e is multiplied into the query; natural units are for what
//!    that doesn't hold for. Of a single row several blocks are multiplied at once (`scores`).
//! 5. r lags behind m by up to 8 before anything is rescaled (`online_softmax`).
//! 6. All weights carry a factor of 2^32; the smallest become exactly 0 (`online_softmax`).
//! 7. A block is summed in four sums, by the key's number modulo 4 (`online_softmax`).
//! 8. A block's sums start from zero and are added to A as a whole. Values that aren't finite are kept from rows that don't
//!    see them (`weighted_values`).
//! 9. Rows that see no key are 0; NaN is canonical. A sink's exponent is computed in float64 (`online_softmax`).
//! 10. r and 1 / s of every row are kept for them (`write_weights`).

use super::call::{Attention, Outputs};
use super::key_blocks::key_blocks;
use super::layout::Keys;
use super::online_softmax::{Normalization, OnlineSoftmax, sum_weights, weigh};
use super::panel;
use super::query_rows::{QueryRows, panels};
use super::score_steps::Stage;
use super::scores::PanelScores;
use super::scratch::{PanelMemory, Scratch, Statistics};
use super::weighted_values::HeadValues;
use super::write_weights::write_weights;
use crate::dtype::canonical;
use crate::simd::{F32x8, I32x8};
use crate::tiles::{KEY_STRIP, PANEL};
use core::array::from_fn;

/// Computes attention. `scratch` is cut for the same call. docs/semantics.md is the specification.
pub fn attention_forward(mut outputs: Outputs<'_>, attention: &Attention<'_>, mut scratch: Scratch<'_>) {
    let sizes = &attention.sizes;
    for b in 0..sizes.batch {
        for key_head in 0..sizes.key_heads {
            // Deviation 1.
            let keys = attention.key.head(scratch.key, b, key_head, sizes.key_length, sizes.head_size);
            let values = attention.value.head(scratch.value, b, key_head, sizes.key_length, sizes.value_head_size);
            let mut values = HeadValues::new(values);
            for rows in panels(sizes, key_head) {
                let rows = QueryRows::narrow(rows.count, |c| rows.row(c));
                let normalization = attend(&mut scratch.panel, attention, b, keys, &mut values, &rows);
                write_panel(
                    &mut outputs,
                    &mut scratch.statistics,
                    &mut scratch.panel,
                    attention,
                    b,
                    &rows,
                    &normalization,
                );
            }
        }
    }
    // Deviation 10.
    if let Some(request) = &mut outputs.weights {
        write_weights(request, attention, &mut scratch);
    }
}

/// Takes a panel over its keys, block by block. The sums of weighted values are left in the accumulator.
fn attend(
    memory: &mut PanelMemory<'_>,
    attention: &Attention<'_>,
    b: usize,
    keys: Keys<'_>,
    values: &mut HeadValues<'_>,
    rows: &QueryRows,
) -> Normalization {
    let accumulator = &mut memory.accumulator[..rows.panel_length(attention.sizes.value_head_size)];
    let mut scores = PanelScores::new(&mut memory.scores, attention, b, keys, rows);
    let mut softmax = OnlineSoftmax::default();
    let mut is_first = true;
    // Deviation 3: hidden keys before the first visible one have weights of exactly 0.
    let visible = &scores.panel.range.outer;
    for keys in key_blocks(visible.start / KEY_STRIP * KEY_STRIP..visible.end) {
        let weights = &mut memory.weights[..rows.panel_length(keys.len())];
        let Some(maximum) = scores.write(weights, &keys, Stage::Log2) else {
            continue;
        };
        if let Some(factor) = softmax.raise(maximum) {
            panel::for_each(accumulator, |sum| sum * factor);
        }
        weigh(weights, softmax.reference());
        softmax.add(sum_weights(weights, rows.columns));
        if let Some(dropout) = &attention.dropout {
            dropout.drop_weights(weights, b, rows, &keys);
        }
        values.accumulate(accumulator, weights, &mut memory.values, &scores, &keys, is_first);
        is_first = false;
    }
    if is_first {
        accumulator.fill(0.0);
    }
    softmax.finish(
        attention.sinks.map_or(F32x8::splat(f32::NEG_INFINITY), |sinks| F32x8::from_fn(|lane| sinks[rows.heads[lane]])),
    )
}

/// Writes the results of a panel, from the sums in the accumulator.
fn write_panel(
    outputs: &mut Outputs<'_>,
    statistics: &mut Statistics<'_>,
    memory: &mut PanelMemory<'_>,
    attention: &Attention<'_>,
    b: usize,
    rows: &QueryRows,
    normalization: &Normalization,
) {
    let value_head_size = attention.sizes.value_head_size;
    let accumulator = &mut memory.accumulator[..rows.panel_length(value_head_size)];
    let kept = F32x8::splat(attention.dropout.as_ref().map_or(1.0, |dropout| dropout.scale));
    normalize(accumulator, normalization, kept);
    let starts: [usize; PANEL] = from_fn(|c| outputs.output_strides.start(b, rows.heads[c], rows.indices[c]));
    let starts = &starts[..rows.row_count];
    outputs.output.write_panel(accumulator, starts, memory.output_rows, value_head_size, rows.columns);

    // Rows of neighbouring heads follow each other.
    let first = attention.sizes.row_number(b, rows.heads[0], rows.indices[0]);
    let places = first..first + rows.row_count;
    if let Some(log_sum_exp) = &mut outputs.log_sum_exp {
        store_rows(&mut log_sum_exp[places.clone()], normalization.log_sum_exp().map(canonical));
    }
    if !statistics.references.is_empty() {
        // Nothing else tells the backward pass of rows that see no key.
        let none = F32x8::splat(f32::NEG_INFINITY);
        let references = normalization.fully_masked.select(none, normalization.reference);
        store_rows(&mut statistics.references[places.clone()], references);
        store_rows(&mut statistics.inverses[places], normalization.inverse);
    }
}

/// accumulator · kept / sum. Deviation 9.
#[inline(never)]
fn normalize(accumulator: &mut [f32], normalization: &Normalization, kept: F32x8) {
    let factor = normalization.inverse * kept;
    let mut are_numbers = I32x8::splat(-1);
    for lanes in accumulator.as_chunks_mut::<PANEL>().0 {
        // Adding +0 turns a −0, which depends on the sign of hidden values, into +0.
        let mean = F32x8::load(lanes) * factor + F32x8::zero();
        are_numbers = are_numbers & mean.eq(mean);
        mean.store(lanes);
    }
    let masked = normalization.fully_masked;
    if are_numbers.all() && !masked.any() {
        return;
    }
    panel::for_each(accumulator, |mean| masked.select(F32x8::zero(), mean).map(canonical));
}

/// Writes the first lanes.
fn store_rows(output: &mut [f32], lanes: F32x8) {
    output.copy_from_slice(&lanes.to_array()[..output.len()]);
}
