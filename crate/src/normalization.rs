//! Layer norm and RMS norm over the rows of a matrix, and rows of length 1 along an axis.
//!
//! ```text
//! layer_norm: output = (input − mean) / √(variance + ε) · weight + bias     variance = Σ (input − mean)² / columns
//! rms_norm:   output = input / √(Σ input² / columns + ε) · weight
//! normalize:  output = input / max(√(Σ input²), 1e-12)
//! ```
//!
//! The variance is the mean of squared differences, computed after the mean, so nothing cancels. Two kinds of rows are
//! computed in float64: those whose squares overflow or vanish in float32, and those whose mean is more than 16 times
//! their deviation, where its rounding would show. So every finite row has its norm, and the norm of equal values is
//! exactly 0 (0/0, which is NaN, if ε is 0). Of normalize the rows whose squares overflow are computed in float64.
//!
//! ```text
//! layer_norm: |error| ≤ 2^-24 · ((8 + n/16) · (|z| + c) · |weight| + |result|) + 2^-149 · (1 + |weight| + |weight| / s)
//! rms_norm:   |error| ≤ 2^-24 · (9 + n/16) · |result| + 2^-149 · (1 + |weight|)
//! normalize:  |error| ≤ 2^-24 · (5 + n/32) · |result| + 2^-149
//! ```
//!
//! with n = columns, z the result before weight and bias, s = √(variance + ε), and c = mean |input| / s but at most 17. In long
//! rows it is far less, and the last part counts only where numbers are subnormal. (Ba et al. 2016,
//! "Layer Normalization"; Zhang and Sennrich 2019, "Root Mean Square Layer Normalization".)
//!
//! # Backward
//!
//! ```text
//! layer_norm:  dx = r · (g − mean g − z · mean(g · z))          r = 1/s          dw = Σ dy · z          db = Σ dy
//! rms_norm:    dx = r · (g − z · mean(g · z))
//! normalize:   dx = (dy − y · Σ y · dy) / ‖x‖, and dy / 1e-12 where that is more than ‖x‖
//! ```
//!
//! with g = dy · weight, means over a row, sums over the rows. z and r come from the forward pass's own code, in float64 where
//! it takes that. Sums over rows are those of `ROWS` rows each, ascending, added ascending.
//!
//! ```text
//! dx:        |error| ≤ 2^-24 · (12 + n/16) · r · (|g| + mean |g| + 3 · (|z| + c) · mean(|g| · (|z| + c)))
//! dw:        |error| ≤ 2^-24 · (10 + n/16 + N) · Σ |dy| · (|z| + c)
//! db:        |error| ≤ 2^-24 · N · Σ |dy|
//! normalize: |error| ≤ 2^-24 · (20 + n/8) · (|dy| + |y| · Σ |y · dy|) / max(‖x‖, 1e-12)
//! ```
//!
//! with N rows, and c = 0 in RMS norm. What is subnormal costs 2^-149 more in each product.

use crate::dtype::{canonical, canonical_scalar};
use crate::simd::{F32x4, LANES, map, map2, sqrt_double};
use crate::sum::{accumulate, sum, sum_of_products, sum_of_squares, sums_double};

/// How many deviations the mean of a row may be that is computed in float32.
const LARGEST_MEAN: f64 = 16.0;

/// The least number by which `normalize` divides, PyTorch's.
const SMALLEST_NORM: f32 = 1e-12;

/// So many rows are summed up before their sum is added to those of the rows before.
const ROWS: usize = 64;

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
    norm(output, input, weight, bias, rows, columns, epsilon, true);
}

/// output, input: `[rows, columns]`; weight (1 without): `[columns]`.
pub fn rms_norm(output: &mut [f32], input: &[f32], weight: Option<&[f32]>, rows: usize, columns: usize, epsilon: f32) {
    norm(output, input, weight, None, rows, columns, epsilon, false);
}

fn norm(
    output: &mut [f32],
    input: &[f32],
    weight: Option<&[f32]>,
    bias: Option<&[f32]>,
    rows: usize,
    columns: usize,
    epsilon: f32,
    is_centered: bool,
) {
    assert!(output.len() == rows * columns && input.len() == rows * columns);
    if columns == 0 {
        return;
    }
    for (output, input) in output.chunks_exact_mut(columns).zip(input.chunks_exact(columns)) {
        norm_row(output, input, weight, bias, epsilon, is_centered);
    }
}

/// One row of layer norm, or of RMS norm where it isn't centered. The result is r.
fn norm_row(
    output: &mut [f32],
    input: &[f32],
    weight: Option<&[f32]>,
    bias: Option<&[f32]>,
    epsilon: f32,
    is_centered: bool,
) -> f64 {
    let columns = input.len();
    let mean = if is_centered { sum(input) / columns as f32 } else { 0.0 };
    let variance = sum_of_squares(input, mean) / columns as f32;
    let square_of_mean = f64::from(mean) * f64::from(mean);
    let is_mean_small = square_of_mean <= LARGEST_MEAN * LARGEST_MEAN * f64::from(variance);
    if is_mean_small && is_in_range(variance + epsilon) {
        normalize_single(output, input, weight, bias, mean, variance + epsilon)
    } else {
        let mean = if is_centered { sums_double(input, 0.0).0 / columns as f64 } else { 0.0 };
        normalize_double(output, input, weight, bias, mean, epsilon)
    }
}

/// Elements of scratch memory for `norm_backward`: a row of z, one of dy · z, and the sums of a block of rows.
pub fn backward_scratch_length(columns: usize) -> Option<usize> {
    columns.checked_mul(4)
}

/// The gradients of layer norm, or of RMS norm where it isn't centered, as far as they are wanted: of the input `[rows, columns]`, of
/// weight and bias `[columns]`. output_gradient, input: `[rows, columns]`; weight (1 without): `[columns]`; scratch:
/// `[backward_scratch_length]`.
pub fn norm_backward(
    mut input_gradient: Option<&mut [f32]>,
    mut weight_gradient: Option<&mut [f32]>,
    mut bias_gradient: Option<&mut [f32]>,
    output_gradient: &[f32],
    input: &[f32],
    weight: Option<&[f32]>,
    scratch: &mut [f32],
    rows: usize,
    columns: usize,
    epsilon: f32,
    is_centered: bool,
) {
    assert!(output_gradient.len() == rows * columns && input.len() == rows * columns);
    assert!(input_gradient.as_ref().is_none_or(|gradient| gradient.len() == rows * columns));
    for gradient in [weight_gradient.as_deref_mut(), bias_gradient.as_deref_mut()].into_iter().flatten() {
        assert_eq!(gradient.len(), columns);
        gradient.fill(0.0);
    }
    let needs_input = input_gradient.is_some();
    if columns == 0 {
        return;
    }
    let (scratch_row, scratch) = scratch.split_at_mut(columns);
    let (product, scratch) = scratch.split_at_mut(columns);
    let (weight_sums, bias_sums) = scratch.split_at_mut(columns);
    let bias_sums = &mut bias_sums[..columns];
    for first in (0..rows).step_by(ROWS) {
        weight_sums.fill(0.0);
        bias_sums.fill(0.0);
        for row in first..rows.min(first + ROWS) {
            let here = row * columns..(row + 1) * columns;
            let dy = &output_gradient[here.clone()];
            if bias_gradient.is_some() {
                accumulate(bias_sums, dy);
            }
            if !needs_input && weight_gradient.is_none() {
                continue;
            }
            let z = match &mut input_gradient {
                Some(gradient) => &mut gradient[here.clone()],
                None => &mut *scratch_row,
            };
            let inverse = norm_row(z, &input[here], None, None, epsilon, is_centered);
            map2(product, dy, z, |dy, z| dy * z);
            if weight_gradient.is_some() {
                accumulate(weight_sums, product);
            }
            if needs_input {
                let total =
                    |values: &[f32]| weight.map_or_else(|| sum(values), |weight| sum_of_products(values, weight));
                let shift = if is_centered { total(dy) / columns as f32 } else { 0.0 };
                let slope = total(product) / columns as f32;
                project(z, dy, weight, shift, slope, inverse);
            }
        }
        for (gradient, sums) in
            [(weight_gradient.as_deref_mut(), &*weight_sums), (bias_gradient.as_deref_mut(), &*bias_sums)]
        {
            if let Some(gradient) = gradient {
                accumulate(gradient, sums);
            }
        }
    }
}

/// A row divided by its Euclidean norm, or by 1e-12: an `axis::Row`.
pub fn normalize(output: &mut [f32], input: &[f32], _: &[f32]) {
    normalize_row(output, input);
}

/// The gradient of a row of normalize's input, of that and the results' gradient.
pub fn normalize_backward(gradient: &mut [f32], output_gradient: &[f32], input: &[f32]) {
    let norm = normalize_row(gradient, input);
    let slope = if norm == f64::from(SMALLEST_NORM) { 0.0 } else { sum_of_products(gradient, output_gradient) };
    project(gradient, output_gradient, None, 0.0, slope, 1.0 / norm);
}

/// output = input / norm; the result is the norm, which is at least `SMALLEST_NORM`.
#[inline(never)]
fn normalize_row(output: &mut [f32], input: &[f32]) -> f64 {
    let square = sum_of_squares(input, 0.0);
    if square <= f32::MAX {
        let norm = F32x4::splat(square).sqrt().pseudo_max(F32x4::splat(SMALLEST_NORM));
        map(output, input, |x| canonical(x / norm));
        let [norm, ..] = norm.to_array();
        return f64::from(norm);
    }
    let norm = sqrt_double(sums_double(input, 0.0).1);
    for (output, &x) in output.iter_mut().zip(input) {
        *output = canonical_scalar((f64::from(x) / norm) as f32);
    }
    norm
}

/// gradient = (dy · weight − shift − z · slope) · scale, where z is what it holds.
#[inline(never)]
fn project(gradient: &mut [f32], dy: &[f32], weight: Option<&[f32]>, shift: f32, slope: f32, scale: f64) {
    /// 2^64.
    const POWER: f64 = 18_446_744_073_709_551_616.0;
    assert_eq!(gradient.len(), dy.len());
    // In two steps where it may be more than float32 holds.
    let power = if scale > POWER { POWER } else { 1.0 };
    let [factor, power] = [scale / power, power].map(|factor| F32x4::splat(factor as f32));
    let [shift, slope] = [shift, slope].map(F32x4::splat);
    let projected = |z: F32x4, dy, weight| canonical(z.negative_mul_add(slope, dy * weight - shift) * factor * power);
    let weight = Parameter::new(weight, &[[1.0; LANES]]);
    let (gradient_body, gradient_tail) = gradient.as_chunks_mut::<LANES>();
    let (dy_body, dy_tail) = dy.as_chunks::<LANES>();
    for (i, (gradient, dy)) in gradient_body.iter_mut().zip(dy_body).enumerate() {
        let (z, dy) = (F32x4::from_array(*gradient), F32x4::from_array(*dy));
        *gradient = projected(z, dy, weight.vector(i)).to_array();
    }
    let [z, dy] = [&*gradient_tail, dy_tail].map(|tail| F32x4::load_partial(tail, 0.0));
    projected(z, dy, weight.tail()).store_partial(gradient_tail);
}

/// Whether a mean of squares is finite and so large that what became of squares below the normal numbers is nothing
/// beside it: 2^-49 of it at most.
fn is_in_range(mean_square: f32) -> bool {
    /// 2^-100.
    const SMALLEST: f32 = f32::from_bits((127 - 100) << 23);
    (SMALLEST..=f32::MAX).contains(&mean_square)
}

/// output = (input − center) / √(mean of (input − center)² + ε) · weight + bias, in float64; the result is 1 / √(…).
#[cold]
#[inline(never)]
fn normalize_double(
    output: &mut [f32],
    input: &[f32],
    weight: Option<&[f32]>,
    bias: Option<&[f32]>,
    center: f64,
    epsilon: f32,
) -> f64 {
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
    inverse
}

/// output = (input − center) / √square_scale · weight + bias; the result is 1 / √square_scale.
fn normalize_single(
    output: &mut [f32],
    input: &[f32],
    weight: Option<&[f32]>,
    bias: Option<&[f32]>,
    center: f32,
    square_scale: f32,
) -> f64 {
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
    let [inverse, ..] = inverse.to_array();
    f64::from(inverse)
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
