//! Activation functions, element by element.
//!
//! ```text
//! gelu      = x · Φ(x)                                                    Φ(x) = ½·(1 + erf(x / √2))
//! gelu_tanh = ½·x·(1 + tanh u) = x / (1 + exp(−2u))                       u = √(2/π)·(x + 0.044715·x³)
//! silu      = x / (1 + exp(−x))
//! relu      = max(x, 0)
//! swiglu    = silu(a) · b
//! sigmoid   = 1 / (1 + exp(−x))
//! tanh      = (exp(2x) − 1) / (exp(2x) + 1)
//! ```
//!
//! Errors, for every finite float32: gelu 2^-20.5 · |result| + 2^-114, gelu_tanh 2^-23 · (3 + 4 · |u|) · |result| + 2^-124,
//! silu 2^-22 · |result| + 2^-121, swiglu 2^-21.5 · |result| + 2^-121 · |b| + 2^-149. The second part is what becomes 0 in the tail, where a result would soon be subnormal:
//! gelu below −12.5, gelu_tanh below −10.06, silu below −88.72. As in PyTorch, gelu and silu of −∞ are NaN.
//! sigmoid 2^-21.5 · |result| + 2^-125 (0 below −86.99), tanh 2^-21.5 · |result| + 2^-149.
//! (Hendrycks and Gimpel 2016, "Gaussian Error Linear Units"; Shazeer 2020, "GLU Variants Improve Transformer".)
//!
//! # Backward
//!
//! The derivatives, with s the sigmoid of u′, which is 2u for gelu_tanh and else x:
//!
//! ```text
//! gelu′      = Φ(x) + x · φ(x)                                            φ(x) = exp(−x²/2) / √(2π)
//! gelu_tanh′ = s + x · s · (1 − s) · g                                    g = 2·√(2/π)·(1 + 3·0.044715·x²)
//! silu′      = s + x · s · (1 − s)
//! relu′      = 1 for x > 0 and for NaN, else 0
//! sigmoid′   = s · (1 − s)
//! tanh′      = 1 − tanh² = 4 · s · (1 − s)                                s the sigmoid of 2x
//! swiglu:  da = dy · b · silu′(a)       db = dy · silu(a)
//! ```
//!
//! With e = exp(−|u′|), s · (1 − s) is e / (1 + e)², so that nothing cancels but the two terms of a sum. They are computed from
//! the input, which costs no more than from the result and keeps their digits where s or tanh is near 1 or has 16 bits.
//!
//! Errors, as parts of |dy|, for every finite float32, where terms is the sum with |x| in place of x: gelu 2^-20 · terms +
//! 2^-110, gelu_tanh 2^-23 · (7 + 4 · |u|) · terms + 2^-117, silu 2^-20.5 · terms + 2^-118, sigmoid 2^-20.5 · derivative + 2^-125,
//! tanh 2^-20.5 · derivative + 2^-123; relu none; swiglu's a |b| times 2^-20 · terms + 2^-118, its b as swiglu itself. Each
//! 2^-149 more, for subnormal results. The parts without terms are what becomes 0 in the tails: beyond ±12.5 in gelu, ±86.99 of u′
//! in the others. As in PyTorch, gelu′ and silu′ of ±∞ are NaN.

use crate::dtype::canonical;
use crate::math::{self, exp, normal_cdf, normal_cdf_and_density};
use crate::numbered::numbered;
use crate::simd::{F32x4, LANES, map, map2};

numbered! {
    /// The function that is applied to the elements of an output.
    pub enum Activation {
        /// x as it is.
        Identity = "identity",
        Gelu = "gelu",
        GeluTanh = "gelu-tanh",
        Silu = "silu",
        Relu = "relu",
        Sigmoid = "sigmoid",
        Tanh = "tanh",
    }
}

impl Activation {
    /// Applies it to every element.
    pub fn apply(self, output: &mut [f32], input: &[f32]) {
        match self {
            Self::Identity => output.copy_from_slice(input),
            Self::Gelu => gelu(output, input),
            Self::GeluTanh => gelu_tanh(output, input),
            Self::Silu => silu(output, input),
            Self::Relu => relu(output, input),
            Self::Sigmoid => sigmoid(output, input),
            Self::Tanh => tanh(output, input),
        }
    }

    /// `gradient[i]` = `output_gradient[i]` · the derivative at `input[i]`. Of relu the output will do as input.
    pub fn apply_backward(self, gradient: &mut [f32], output_gradient: &[f32], input: &[f32]) {
        match self {
            Self::Identity => gradient.copy_from_slice(output_gradient),
            Self::Gelu => gelu_backward(gradient, output_gradient, input),
            Self::GeluTanh => gelu_tanh_backward(gradient, output_gradient, input),
            Self::Silu => silu_backward(gradient, output_gradient, input),
            Self::Relu => relu_backward(gradient, output_gradient, input),
            Self::Sigmoid => sigmoid_backward(gradient, output_gradient, input),
            Self::Tanh => tanh_backward(gradient, output_gradient, input),
        }
    }
}

/// `output[i]` = `gelu(input[i])`.
#[inline(never)]
pub fn gelu(output: &mut [f32], input: &[f32]) {
    map(output, input, |x| canonical(x * normal_cdf(x)));
}

/// −2·√(2/π).
const GELU_TANH_FACTOR: f32 = -1.595_769;

/// −2u.
#[inline(always)]
fn gelu_tanh_exponent(x: F32x4) -> F32x4 {
    x * (x * x).mul_add(F32x4::splat(0.044_715 * GELU_TANH_FACTOR), F32x4::splat(GELU_TANH_FACTOR))
}

/// `output[i]` = `gelu_tanh(input[i])`, the approximation that many models were trained with.
#[inline(never)]
pub fn gelu_tanh(output: &mut [f32], input: &[f32]) {
    map(output, input, |x| sigmoid_product(x, gelu_tanh_exponent(x)));
}

/// `output[i]` = `silu(input[i])`.
#[inline(never)]
pub fn silu(output: &mut [f32], input: &[f32]) {
    map(output, input, |x| sigmoid_product(x, -x));
}

/// `output[i]` = `relu(input[i])`; NaN stays NaN.
#[inline(never)]
pub fn relu(output: &mut [f32], input: &[f32]) {
    let zero = F32x4::zero();
    map(output, input, |x| canonical(x.lt(zero).select(zero, x)));
}

/// `output[i]` = `sigmoid(input[i])`.
#[inline(never)]
pub fn sigmoid(output: &mut [f32], input: &[f32]) {
    map(output, input, |x| canonical(sigmoid_and_slope(x).0));
}

/// `output[i]` = `tanh(input[i])`.
#[inline(never)]
pub fn tanh(output: &mut [f32], input: &[f32]) {
    map(output, input, |x| canonical(math::tanh(x)));
}

/// `output[i]` = `silu(a[i]) · b[i]`, the gate of a feed-forward network.
pub fn swiglu(output: &mut [f32], a: &[f32], b: &[f32]) {
    assert_eq!(output.len(), b.len());
    silu(output, a);
    let (outputs, outputs_rest) = output.as_chunks_mut::<LANES>();
    let (factors, factors_rest) = b.as_chunks::<LANES>();
    for (output, factor) in outputs.iter_mut().zip(factors) {
        *output = canonical(F32x4::from_array(*output) * F32x4::from_array(*factor)).to_array();
    }
    canonical(F32x4::load_partial(outputs_rest, 0.0) * F32x4::load_partial(factors_rest, 0.0))
        .store_partial(outputs_rest);
}

/// x / (1 + exp(exponent))
#[inline(always)]
fn sigmoid_product(x: F32x4, exponent: F32x4) -> F32x4 {
    canonical(x / (F32x4::splat(1.0) + exp(exponent)))
}

/// `gradient[i]` = `output_gradient[i]` · gelu′(`input[i]`).
#[inline(never)]
pub fn gelu_backward(gradient: &mut [f32], output_gradient: &[f32], input: &[f32]) {
    map2(gradient, output_gradient, input, |dy, x| {
        let (cdf, density) = normal_cdf_and_density(x);
        canonical(dy * x.mul_add(density, cdf))
    });
}

/// `gradient[i]` = `output_gradient[i]` · gelu_tanh′(`input[i]`).
#[inline(never)]
pub fn gelu_tanh_backward(gradient: &mut [f32], output_gradient: &[f32], input: &[f32]) {
    /// From |x| = 20 on s · (1 − s) is 0, and g shall not become infinite.
    const LARGEST_SQUARE: f32 = 400.0;
    map2(gradient, output_gradient, input, |dy, x| {
        let (s, slope) = sigmoid_and_slope(-gelu_tanh_exponent(x));
        let square = (x * x).pseudo_min(F32x4::splat(LARGEST_SQUARE));
        let g = square.mul_add(F32x4::splat(-3.0 * 0.044_715 * GELU_TANH_FACTOR), F32x4::splat(-GELU_TANH_FACTOR));
        canonical(dy * (x * slope).mul_add(g, s))
    });
}

/// `gradient[i]` = `output_gradient[i]` · silu′(`input[i]`).
#[inline(never)]
pub fn silu_backward(gradient: &mut [f32], output_gradient: &[f32], input: &[f32]) {
    map2(gradient, output_gradient, input, |dy, x| {
        let (s, slope) = sigmoid_and_slope(x);
        canonical(dy * x.mul_add(slope, s))
    });
}

/// `gradient[i]` = `output_gradient[i]` where `input[i]` is above 0 or NaN, else 0.
#[inline(never)]
pub fn relu_backward(gradient: &mut [f32], output_gradient: &[f32], input: &[f32]) {
    let zero = F32x4::zero();
    map2(gradient, output_gradient, input, |dy, x| canonical(x.le(zero).select(zero, dy)));
}

/// `gradient[i]` = `output_gradient[i]` · sigmoid′(`input[i]`).
pub fn sigmoid_backward(gradient: &mut [f32], output_gradient: &[f32], input: &[f32]) {
    scaled_sigmoid_backward(gradient, output_gradient, input, 1.0);
}

/// `gradient[i]` = `output_gradient[i]` · tanh′(`input[i]`).
pub fn tanh_backward(gradient: &mut [f32], output_gradient: &[f32], input: &[f32]) {
    scaled_sigmoid_backward(gradient, output_gradient, input, 2.0);
}

/// The gradient of factor · sigmoid(factor · input), with a power of two.
#[inline(never)]
fn scaled_sigmoid_backward(gradient: &mut [f32], output_gradient: &[f32], input: &[f32], factor: f32) {
    let factor = F32x4::splat(factor);
    map2(gradient, output_gradient, input, |dy, x| {
        let (_, slope) = sigmoid_and_slope(x * factor);
        canonical(dy * (slope * factor * factor))
    });
}

/// `gradient[i]` = `output_gradient[i] · b[i]` · silu′(`a[i]`), that of swiglu's a. That of its b is
/// `swiglu(…, a, output_gradient)`.
pub fn swiglu_backward(gradient: &mut [f32], output_gradient: &[f32], a: &[f32], b: &[f32]) {
    const CHUNK: usize = 64;
    let mut products = [0.0; CHUNK];
    let inputs = output_gradient.chunks(CHUNK).zip(a.chunks(CHUNK).zip(b.chunks(CHUNK)));
    for (gradient, (output_gradient, (a, b))) in gradient.chunks_mut(CHUNK).zip(inputs) {
        let products = &mut products[..gradient.len()];
        map2(products, output_gradient, b, |dy, b| dy * b);
        silu_backward(gradient, products, a);
    }
}

/// s = 1 / (1 + exp(−x)) and s · (1 − s), of one exponential; 0 where that is 0, beyond 86.99.
#[inline(always)]
fn sigmoid_and_slope(x: F32x4) -> (F32x4, F32x4) {
    let exponential = exp(-x.abs());
    // The larger and the smaller of s and 1 − s.
    let larger = F32x4::splat(1.0) / (F32x4::splat(1.0) + exponential);
    let smaller = exponential * larger;
    (x.lt(F32x4::zero()).select(smaller, larger), smaller * larger)
}
