//! Layer norm and RMS norm over the rows of a matrix.
//!
//! ```text
//! layer_norm: output = (input − mean) / √(variance + ε) · weight + bias     variance = Σ (input − mean)² / columns
//! rms_norm:   output = input / √(Σ input² / columns + ε) · weight
//! ```
//!
//! The variance is the mean of squared differences, computed after the mean, so nothing cancels. With normal = output
//! before weight and bias, and c = mean |input| / √(variance + ε), 0 for rms_norm, the error is at most
//! 2^-24 · ((8 + columns/16) · (|normal| + c) · |weight| + |output|), and in long rows far less. (Ba et al. 2016,
//! "Layer Normalization"; Zhang and Sennrich 2019, "Root Mean Square Layer Normalization".)

use crate::numeric::canonical;
use crate::simd::{F32x4, LANES};
use crate::sum::{sum, sum_of_squares};

/// output, input: `[rows, columns]`; weight (1 without) and bias (0 without): `[columns]`.
pub fn layer_norm(
    output: &mut [f32],
    input: &[f32],
    weight: Option<&[f32]>,
    bias: Option<&[f32]>,
    rows: usize,
    columns: usize,
    epsilon: f32,
) {
    assert!(output.len() == rows * columns && input.len() == rows * columns);
    if columns == 0 {
        return;
    }
    for (output, input) in output.chunks_exact_mut(columns).zip(input.chunks_exact(columns)) {
        let mean = sum(input) / columns as f32;
        let variance = sum_of_squares(input, mean) / columns as f32;
        normalize(output, input, weight, bias, mean, variance + epsilon);
    }
}

/// output, input: `[rows, columns]`; weight (1 without): `[columns]`.
pub fn rms_norm(output: &mut [f32], input: &[f32], weight: Option<&[f32]>, rows: usize, columns: usize, epsilon: f32) {
    assert!(output.len() == rows * columns && input.len() == rows * columns);
    if columns == 0 {
        return;
    }
    for (output, input) in output.chunks_exact_mut(columns).zip(input.chunks_exact(columns)) {
        let mean_square = sum_of_squares(input, 0.0) / columns as f32;
        normalize(output, input, weight, None, 0.0, mean_square + epsilon);
    }
}

/// output = (input − center) / √square_scale · weight + bias
fn normalize(
    output: &mut [f32],
    input: &[f32],
    weight: Option<&[f32]>,
    bias: Option<&[f32]>,
    center: f32,
    square_scale: f32,
) {
    let center = F32x4::splat(center);
    let inverse = F32x4::splat(1.0) / F32x4::splat(square_scale).sqrt();
    let normalized = |start| {
        let normal = (load(input, start) - center) * inverse;
        let weight = weight.map_or(F32x4::splat(1.0), |weight| load(weight, start));
        let bias = bias.map_or(F32x4::zero(), |bias| load(bias, start));
        canonical(normal.mul_add(weight, bias))
    };
    let (body, tail) = output.as_chunks_mut::<LANES>();
    let tail_start = body.len() * LANES;
    for (i, lanes) in body.iter_mut().enumerate() {
        *lanes = normalized(i * LANES).to_array();
    }
    normalized(tail_start).store_partial(tail);
}

/// Elements from `start` on, up to four; zeros beyond the end.
#[inline(always)]
fn load(values: &[f32], start: usize) -> F32x4 {
    match values[start..].first_chunk::<LANES>() {
        Some(lanes) => F32x4::from_array(*lanes),
        None => F32x4::load_partial(&values[start..], 0.0),
    }
}
