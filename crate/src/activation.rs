//! Activation functions, element by element.
//!
//! ```text
//! gelu      = x · Φ(x)                                                    Φ(x) = ½·(1 + erf(x / √2))
//! gelu_tanh = ½·x·(1 + tanh u) = x / (1 + exp(−2u))                       u = √(2/π)·(x + 0.044715·x³)
//! silu      = x / (1 + exp(−x))
//! relu      = max(x, 0)
//! swiglu    = silu(a) · b
//! ```
//!
//! Errors, for every finite float32: gelu 2^-20.5 · |result| + 2^-114, gelu_tanh 2^-23 · (3 + 4 · |u|) · |result| + 2^-124,
//! silu 2^-22 · |result| + 2^-121, swiglu 2^-21.5 · |result| + 2^-121 · |b| + 2^-149. The second part is what becomes 0 in the tail, where a result would soon be subnormal:
//! gelu below −12.5, gelu_tanh below −10.06, silu below −88.72. As in PyTorch, gelu and silu of −∞ are NaN.
//! (Hendrycks and Gimpel 2016, "Gaussian Error Linear Units"; Shazeer 2020, "GLU Variants Improve Transformer".)

use crate::dtype::canonical;
use crate::math::{exp, normal_cdf};
use crate::numbered::numbered;
use crate::simd::{F32x4, LANES, map};

numbered! {
    /// The function that is applied to the elements of an output.
    pub enum Activation {
        /// x as it is.
        Identity = "identity",
        Gelu = "gelu",
        GeluTanh = "gelu-tanh",
        Silu = "silu",
        Relu = "relu",
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
        }
    }
}

/// `output[i]` = `gelu(input[i])`.
#[inline(never)]
pub fn gelu(output: &mut [f32], input: &[f32]) {
    map(output, input, |x| canonical(x * normal_cdf(x)));
}

/// `output[i]` = `gelu_tanh(input[i])`, the approximation that many models were trained with.
#[inline(never)]
pub fn gelu_tanh(output: &mut [f32], input: &[f32]) {
    /// −2·√(2/π).
    const FACTOR: f32 = -1.595_769;
    map(output, input, |x| {
        let cubic = (x * x).mul_add(F32x4::splat(0.044_715 * FACTOR), F32x4::splat(FACTOR));
        sigmoid_product(x, x * cubic)
    });
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
