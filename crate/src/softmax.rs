//! Softmax along an axis: for each row r of it
//!
//! ```text
//! output[r, c] = exp(input[r, c] − m[r]) / Σ_c exp(input[r, c] − m[r])          m[r] = max_c input[r, c]
//! ```
//!
//! As in PyTorch, a row that holds NaN or +∞, or nothing but −∞, becomes NaN throughout. (Attention is gentler to fully
//! masked rows.) The error is at most
//! 2^-24 · (12 + |input − m| + n/1024) · result + 2^-100, with n the length of the axis.

use crate::dtype::canonical;
use crate::math::exp;
use crate::simd::{F32x4, LANES, map};
use crate::sum::sum;

/// Below this difference to the maximum (2^-100) a result is 0, so that none is subnormal after the division.
const CUTOFF: f32 = -69.32;

/// Along an axis that is not the last, so many neighbours are computed together: a cache line of them.
const NEIGHBOURS: usize = 16;

/// Elements of scratch memory for `[outer, length, inner]`: none where the axis is the last.
pub fn scratch_length(length: usize, inner: usize) -> Option<usize> {
    if inner <= 1 { Some(0) } else { length.checked_mul(2 * inner.min(NEIGHBOURS)) }
}

/// output, input: `[outer, length, inner]`, with the results adding up to 1 along the axis in the middle; scratch:
/// `[scratch_length]`.
pub fn softmax(output: &mut [f32], input: &[f32], scratch: &mut [f32], outer: usize, length: usize, inner: usize) {
    assert!(output.len() == outer * length * inner && input.len() == output.len());
    if output.is_empty() {
        return;
    }
    let planes = output.chunks_exact_mut(length * inner).zip(input.chunks_exact(length * inner));
    for (output, input) in planes {
        if inner == 1 {
            softmax_row(output, input);
            continue;
        }
        for start in (0..inner).step_by(NEIGHBOURS) {
            let columns = start..inner.min(start + NEIGHBOURS);
            let (inputs, rest) = scratch.split_at_mut(columns.len() * length);
            let outputs = &mut rest[..columns.len() * length];
            for (n, line) in input.chunks_exact(inner).enumerate() {
                for (column, &x) in line[columns.clone()].iter().enumerate() {
                    inputs[column * length + n] = x;
                }
            }
            for (output, input) in outputs.chunks_exact_mut(length).zip(inputs.chunks_exact(length)) {
                softmax_row(output, input);
            }
            for (n, line) in output.chunks_exact_mut(inner).enumerate() {
                for (column, x) in line[columns.clone()].iter_mut().enumerate() {
                    *x = outputs[column * length + n];
                }
            }
        }
    }
}

#[inline(never)]
fn softmax_row(output: &mut [f32], input: &[f32]) {
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

/// The largest number of a row; NaN is passed over.
pub(crate) fn largest(row: &[f32]) -> f32 {
    let (body, tail) = row.as_chunks::<LANES>();
    let none = F32x4::splat(f32::NEG_INFINITY);
    let largest = body.iter().fold(none, |largest, lanes| largest.pseudo_max(F32x4::from_array(*lanes)));
    largest.pseudo_max(F32x4::load_partial(tail, f32::NEG_INFINITY)).maximum()
}
