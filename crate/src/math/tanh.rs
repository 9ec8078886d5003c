//! The hyperbolic tangent.

use super::exp::{reduce, reduced_exp_minus_one};
use crate::simd::{F32x4, I32x4};

/// tanh x with small relative error down to the smallest x; ±1 for ±∞, ±0 for ±0, NaN for NaN.
#[inline]
pub fn tanh(x: F32x4) -> F32x4 {
    // tanh |x| = u / (2 − u) with u = 1 − exp(−2|x|), which is 1 in float32 long before 2|x| = 40.
    let magnitude = x.abs().pseudo_min(F32x4::splat(20.0));
    let (r, scale) = reduce(magnitude * F32x4::splat(-2.0), 0);
    // u = (1 − 2^n) − 2^n·(exp r − 1): for small |x|, n is 0 and nothing cancels.
    let u = scale.negative_mul_add(reduced_exp_minus_one(r), F32x4::splat(1.0) - scale);
    let quotient = u / (F32x4::splat(2.0) - u);
    (quotient.to_bits() | (x.to_bits() & I32x4::splat(i32::MIN))).from_bits()
}
