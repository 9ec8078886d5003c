//! The exponential function.

use super::polynomial;
use crate::simd::F32x4;

/// log2 e.
const LOG2_E: f32 = core::f32::consts::LOG2_E;
/// ln 2 in two parts. The upper one has 15 bits, so that its products with |n| < 2^9 are exact in both arithmetics.
pub(crate) const LN2_HIGH: f32 = 0.693_145_75;
/// The lower part.
pub(crate) const LN2_LOW: f32 = 1.428_606_8e-6;
/// 1.5·2^23: added to t, it rounds t to an integer, which ends up in the low bits.
const ROUNDER: f32 = 12_582_912.0;

/// (exp(r) − 1 − r) / r² for |r| ≤ ln 2 / 2. Relative error 1.6e-8.
const EXP: [f32; 5] = [0.5, 0.166_665_42, 0.041_666_28, 0.008_366_644, 0.001_394_655_3];

/// For x = n·ln 2 + r with |r| ≤ ln 2 / 2: r and 2^(n + bias), where −126 ≤ n + bias ≤ 127; an n + bias of −127
/// gives 0. A NaN gives NaN and some power.
#[inline(always)]
pub(super) fn reduce(x: F32x4, bias: i8) -> (F32x4, F32x4) {
    // With 127 + bias added before the rounding, the low bits are the biased exponent.
    let rounder = F32x4::splat(ROUNDER + 127.0 + f32::from(bias));
    let rounded = x.mul_add(F32x4::splat(LOG2_E), rounder);
    let n = rounded - rounder;
    let r = n.negative_mul_add(F32x4::splat(LN2_LOW), n.negative_mul_add(F32x4::splat(LN2_HIGH), x));
    (r, rounded.to_bits().shift_left(23).from_bits())
}

/// exp(r) − 1 for |r| ≤ ln 2 / 2 (and, hardly worse, a little more).
#[inline(always)]
pub(super) fn reduced_exp_minus_one(r: F32x4) -> F32x4 {
    (r * r).mul_add(polynomial(r, &EXP), r)
}

/// e^x. Exact 0 below −86.99 (125.5·ln 2), where e^x is still a normal number; infinity above 88.72283; NaN for NaN.
#[inline]
pub fn exp(x: F32x4) -> F32x4 {
    // Clamped to where the exponent still fits its field: −87.5 gives 0 and 89 infinity by themselves. NaN stays.
    let x = x.pseudo_max(F32x4::splat(-87.5)).pseudo_min(F32x4::splat(89.0));
    // 2·exp(r) and half the power: 2^n itself would overflow where exp(r) < 1.
    let (r, half_scale) = reduce(x, -1);
    let reduced_exp = reduced_exp_minus_one(r) + F32x4::splat(1.0);
    (reduced_exp + reduced_exp) * half_scale
}
