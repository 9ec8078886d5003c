//! Softmax and its logarithm along an axis: for each row r of it
//!
//! ```text
//! softmax[r, c]     = exp(input[r, c] − m[r]) / Σ_c exp(input[r, c] − m[r])          m[r] = max_c input[r, c]
//! log_softmax[r, c] = input[r, c] − m[r] − ln Σ_c exp(input[r, c] − m[r])
//! ```
//!
//! As in PyTorch, a row that holds NaN or +∞, or nothing but −∞, becomes NaN throughout. (Attention is gentler to fully
//! masked rows.) The error of softmax is at most
//! 2^-24 · (12 + |input − m| + n/1024) · result + 2^-100, with n the length of the axis; that of log_softmax
//! 2^-24 · (12 + ln n + 3 · |result| + n/1024).
//!
//! # Backward
//!
//! ```text
//! softmax:      dx = y · (dy − Σ_c y · dy)
//! log_softmax:  dx = dy − exp(y) · Σ_c dy
//! ```
//!
//! with y the result. For the y and dy that are given, softmax's gradient is off by at most
//! 2^-24 · y · ((8 + n/16) · Σ |y · dy| + 2 · |dy|) + 2^-149 · (1 + n), log-softmax's by
//! 2^-24 · ((12 + n/16) · exp(y) · Σ |dy| + |dy|) + 2^-125 · Σ |dy| + 2^-149: where exp(y) is 0, below −86.99.

use crate::dtype::canonical;
use crate::math::{exp, log};
use crate::simd::{F32x4, LANES, map, map2};
use crate::sum::{sum, sum_of_products};

/// Below this difference to the maximum (2^-100) an exponential is taken for 0, before it meets what makes it smaller: no result and
/// no gradient is subnormal by it.
pub const CUTOFF: f32 = -69.32;

/// A row whose results add up to 1, an `axis::Row`.
pub fn softmax(output: &mut [f32], input: &[f32], _: &[f32]) {
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

/// The logarithm of a row of `softmax`.
pub fn log_softmax(output: &mut [f32], input: &[f32], _: &[f32]) {
    // As in softmax, NaN spreads with the sum.
    let maximum = F32x4::splat(largest(input));
    map(output, input, |x| exp(x - maximum));
    let logarithm = log(F32x4::splat(sum(output)));
    map(output, input, |x| canonical(x - maximum - logarithm));
}

/// The gradient of a row of softmax's input, of the results and their gradient.
pub fn softmax_backward(gradient: &mut [f32], output_gradient: &[f32], output: &[f32]) {
    let total = F32x4::splat(sum_of_products(output_gradient, output));
    map2(gradient, output_gradient, output, |dy, y| canonical(y * (dy - total)));
}

/// The gradient of a row of log-softmax's input, of the results and their gradient.
pub fn log_softmax_backward(gradient: &mut [f32], output_gradient: &[f32], output: &[f32]) {
    let total = F32x4::splat(sum(output_gradient));
    map2(gradient, output_gradient, output, |dy, y| canonical(exp(y).negative_mul_add(total, dy)));
}

/// The largest number of a row; NaN is passed over.
#[inline(never)]
pub(crate) fn largest(row: &[f32]) -> f32 {
    let (body, tail) = row.as_chunks::<LANES>();
    let none = F32x4::splat(f32::NEG_INFINITY);
    let largest = body.iter().fold(none, |largest, lanes| largest.pseudo_max(F32x4::from_array(*lanes)));
    largest.pseudo_max(F32x4::load_partial(tail, f32::NEG_INFINITY)).maximum()
}
