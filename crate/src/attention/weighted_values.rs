//! The sums of a block's values, weighted. (Deviation 8 of `forward`.)

use super::layout::Values;
use super::matrix::Matrix;
use super::scores::PanelScores;
use super::scratch::ValuesMemory;
use super::{panel, register_tile, single_row};
use core::ops::Range;

/// The values of one key head.
pub struct HeadValues<'a> {
    values: Values<'a>,
    /// Whether they hold no NaN and no infinity; found out when it first matters.
    all_finite: Option<bool>,
}

impl<'a> HeadValues<'a> {
    pub fn new(values: Values<'a>) -> Self {
        Self { values, all_finite: None }
    }

    /// `accumulator[d][c] += Σ_j value[j][d] · weight[j][c]` over `keys`; for the first block the sums replace what is there.
    ///
    /// A hidden key's weight is exactly 0, which must not meet a value that isn't finite: 0 · Infinity is NaN. `scores` knows
    /// what is hidden.
    pub fn accumulate(
        &mut self,
        accumulator: &mut [f32],
        weights: &[f32],
        memory: &mut ValuesMemory<'_>,
        scores: &PanelScores<'_, '_>,
        keys: &Range<usize>,
        is_first: bool,
    ) {
        let (size, columns) = (self.values.head_size(), scores.panel.rows.columns);
        let weights = &weights[..keys.len() * columns];
        if scores.panel.is_open(keys) || self.all_finite() {
            accumulate(accumulator, self.values.part(keys), weights, memory.block_sum, columns, is_first);
            return;
        }
        // The finite values by the product, the others by hand, to the rows that see them: as in the product, they make
        // the element infinite, or NaN where the weight is 0.
        if is_first {
            accumulator.fill(0.0);
        }
        for offset in 0..keys.len() {
            let row = &mut memory.finite_values[offset * size..(offset + 1) * size];
            self.values.read(row, keys.start + offset);
            for (d, value) in row.iter_mut().enumerate() {
                if !value.is_finite() {
                    for c in 0..columns {
                        if scores.row_sees(keys, offset, c) {
                            accumulator[d * columns + c] += *value * weights[offset * columns + c];
                        }
                    }
                    *value = 0.0;
                }
            }
        }
        let finite = Values::rows(Matrix::new(memory.finite_values, size, keys.len(), size));
        accumulate(accumulator, finite, weights, memory.block_sum, columns, false);
    }

    fn all_finite(&mut self) -> bool {
        *self.all_finite.get_or_insert_with(|| self.values.all_finite())
    }
}

/// `block_sum` is at least as long as the accumulator of a single row.
fn accumulate(
    accumulator: &mut [f32],
    values: Values<'_>,
    weights: &[f32],
    block_sum: &mut [f32],
    columns: usize,
    is_first: bool,
) {
    if columns != 1 {
        register_tile::accumulate(accumulator, values, weights, columns, is_first);
        return;
    }
    if is_first {
        accumulator.fill(0.0);
        single_row::accumulate(accumulator, values, weights);
        return;
    }
    // The block's sum is added as a whole, as `register_tile` does.
    let block_sum = &mut block_sum[..accumulator.len()];
    block_sum.fill(0.0);
    single_row::accumulate(block_sum, values, weights);
    panel::for_each_pair(accumulator, block_sum, |total, sum| total + sum);
}
