//! Layer norm and RMS norm over the rows of a matrix.
//!
//! ```text
//! layer_norm: output = (input − mean) / √(variance + ε) · weight + bias     variance = Σ (input − mean)² / columns
//! rms_norm:   output = input / √(Σ input² / columns + ε) · weight
//! ```
//!
//! The variance is the mean of squared differences, computed after the mean, so nothing cancels. Two kinds of rows are
//! computed in float64: those whose squares overflow or vanish in float32, and those whose mean is more than 16 times
//! their deviation, where its rounding would show. So every finite row has its norm, and the norm of equal values is
//! exactly 0 (0/0, which is NaN, if ε is 0).
//!
//! ```text
//! layer_norm: |error| ≤ 2^-24 · ((8 + n/16) · (|z| + c) · |weight| + |result|) + 2^-149 · (1 + |weight| + |weight| / s)
//! rms_norm:   |error| ≤ 2^-24 · (9 + n/16) · |result| + 2^-149 · (1 + |weight|)
//! ```
//!
//! with n = columns, z the result before weight and bias, s = √(variance + ε), and c = mean |input| / s but at most 17. In long
//! rows it is far less, and the last part counts only where numbers are subnormal. (Ba et al. 2016,
//! "Layer Normalization"; Zhang and Sennrich 2019, "Root Mean Square Layer Normalization".)

use crate::dtype::{canonical, canonical_scalar};
use crate::simd::{F32x4, LANES, sqrt_double};
use crate::sum::{sum, sum_of_squares, sums_double};

/// How many deviations the mean of a row may be that is computed in float32.
const LARGEST_MEAN: f64 = 16.0;

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
        let square_of_mean = f64::from(mean) * f64::from(mean);
        let is_mean_small = square_of_mean <= LARGEST_MEAN * LARGEST_MEAN * f64::from(variance);
        if is_mean_small && is_in_range(variance + epsilon) {
            normalize(output, input, weight, bias, mean, variance + epsilon);
        } else {
            let mean = sums_double(input, 0.0).0 / columns as f64;
            normalize_double(output, input, weight, bias, mean, epsilon);
        }
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
        if is_in_range(mean_square + epsilon) {
            normalize(output, input, weight, None, 0.0, mean_square + epsilon);
        } else {
            normalize_double(output, input, weight, None, 0.0, epsilon);
        }
    }
}

/// Whether a mean of squares is finite and so large that what became of squares below the normal numbers is nothing
/// beside it: 2^-49 of it at most.
fn is_in_range(mean_square: f32) -> bool {
    /// 2^-100.
    const SMALLEST: f32 = f32::from_bits((127 - 100) << 23);
    (SMALLEST..=f32::MAX).contains(&mean_square)
}

/// output = (input − center) / √(mean of (input − center)² + ε) · weight + bias, in float64
#[cold]
#[inline(never)]
fn normalize_double(
    output: &mut [f32],
    input: &[f32],
    weight: Option<&[f32]>,
    bias: Option<&[f32]>,
    center: f64,
    epsilon: f32,
) {
    let mean_square = sums_double(input, center).1 / input.len() as f64;
    let inverse = 1.0 / sqrt_double(mean_square + f64::from(epsilon));
    for (output, &x) in output.iter_mut().zip(input) {
        *output = ((f64::from(x) - center) * inverse) as f32;
    }
    for (output, &weight) in output.iter_mut().zip(weight.unwrap_or_default()) {
        *output *= weight;
    }
    for (output, &bias) in output.iter_mut().zip(bias.unwrap_or_default()) {
        *output += bias;
    }
    for output in output {
        *output = canonical_scalar(*output);
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
    assert_eq!(output.len(), input.len());
    let center = F32x4::splat(center);
    let inverse = F32x4::splat(1.0) / F32x4::splat(square_scale).sqrt();
    let normalized = |x: F32x4, weight, bias| canonical(((x - center) * inverse).mul_add(weight, bias));
    let (input_body, input_tail) = input.as_chunks::<LANES>();
    let (output_body, output_tail) = output.as_chunks_mut::<LANES>();
    let weight = Parameter::new(weight, &[[1.0; LANES]]);
    let bias = Parameter::new(bias, &[[0.0; LANES]]);
    for (i, (output, input)) in output_body.iter_mut().zip(input_body).enumerate() {
        *output = normalized(F32x4::from_array(*input), weight.vector(i), bias.vector(i)).to_array();
    }
    if !input_tail.is_empty() {
        normalized(F32x4::load_partial(input_tail, 0.0), weight.tail(), bias.tail()).store_partial(output_tail);
    }
}

/// A weight or bias in vectors. Where there is none, one vector stands for all, by a step of 0 in place of 1, so that the
/// loop needs no question whether there is.
struct Parameter<'a> {
    vectors: &'a [[f32; LANES]],
    tail: &'a [f32],
    step: usize,
}

impl<'a> Parameter<'a> {
    fn new(values: Option<&'a [f32]>, default: &'a [[f32; LANES]; 1]) -> Self {
        match values {
            Some(values) => {
                let (vectors, tail) = values.as_chunks();
                Self { vectors, tail, step: 1 }
            }
            None => Self { vectors: default, tail: &default[0], step: 0 },
        }
    }

    #[inline(always)]
    fn vector(&self, i: usize) -> F32x4 {
        F32x4::from_array(self.vectors[i * self.step])
    }

    fn tail(&self) -> F32x4 {
        F32x4::load_partial(self.tail, 0.0)
    }
}
