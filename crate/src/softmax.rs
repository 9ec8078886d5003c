//! Softmax over the rows of a matrix.
//!
//! ```text
//! output[r, c] = exp(input[r, c] − m[r]) / Σ_c exp(input[r, c] − m[r])          m[r] = max_c input[r, c]
//! ```
//!
//! As in PyTorch, a row that holds NaN or +∞, or nothing but −∞, becomes NaN throughout. (Attention is gentler to fully
//! masked rows.) Error: |output − truth| ≤ truth · 2^-24 · (12 + |input − m| + columns/1024) + 2^-100.

use crate::dtype::canonical;
use crate::math::exp;
use crate::simd::{F32x4, LANES, map};
use crate::sum::sum;

/// Below this difference to the maximum (2^-100) a result is 0, so that none is subnormal after the division.
const CUTOFF: f32 = -69.32;

/// output, input: `[rows, columns]`.
pub fn softmax(output: &mut [f32], input: &[f32], rows: usize, columns: usize) {
    assert!(output.len() == rows * columns && input.len() == rows * columns);
    if columns == 0 {
        return;
    }
    for (output, input) in output.chunks_exact_mut(columns).zip(input.chunks_exact(columns)) {
        // A NaN that the maximum passes over comes back with the exponentials and spreads with their sum.
        let maximum = F32x4::splat(largest(input));
        map(output, input, |x| {
            let difference = x - maximum;
            difference.lt(F32x4::splat(CUTOFF)).select(F32x4::zero(), exp(difference))
        });
        let total = F32x4::splat(sum(output));
        let (body, tail) = output.as_chunks_mut::<LANES>();
        for weights in body {
            *weights = canonical(F32x4::from_array(*weights) / total).to_array();
        }
        canonical(F32x4::load_partial(tail, 0.0) / total).store_partial(tail);
    }
}

/// The largest number of a row; NaN is passed over.
fn largest(row: &[f32]) -> f32 {
    let (body, tail) = row.as_chunks::<LANES>();
    let none = F32x4::splat(f32::NEG_INFINITY);
    let largest = body.iter().fold(none, |largest, lanes| largest.pseudo_max(F32x4::from_array(*lanes)));
    largest.pseudo_max(F32x4::load_partial(tail, f32::NEG_INFINITY)).maximum()
}
