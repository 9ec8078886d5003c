//! The natural logarithm.

use super::exp::{LN2_HIGH, LN2_LOW};
use super::polynomial;
use crate::simd::{F32x4, I32x4};

/// (log(1 + f) − f + f²/2) / f³ for √½ ≤ 1 + f ≤ √2. Relative error 7.9e-10.
const LOG: [f32; 9] = [
    0.333_333_1,
    -0.249_999_87,
    0.200_022_27,
    -0.166_692_53,
    0.142_186_64,
    -0.123_843_28,
    0.118_729_2,
    -0.117_899_016,
    0.069_155_954,
];

/// The natural logarithm of every float32, subnormals included: −∞ for ±0, NaN below 0 and for NaN, ∞ for ∞.
#[inline]
pub fn log(x: F32x4) -> F32x4 {
    /// The bits of √½, rounded down.
    const SQRT_HALF: i32 = 0x3f35_04f3;
    // Subnormals are scaled into the normal range first.
    let subnormal = x.lt(F32x4::splat(f32::MIN_POSITIVE));
    let scaled = subnormal.select(x * F32x4::splat(16_777_216.0), x);
    // x = 2^n·(1 + f) with √½ ≤ 1 + f < √2
    let offset = scaled.to_bits() + I32x4::splat((127 << 23) - SQRT_HALF);
    let exponent = (offset.shift_right_logical(23) - I32x4::splat(127)).to_f32();
    let n = exponent - subnormal.select(F32x4::splat(24.0), F32x4::zero());
    let mantissa = (offset & I32x4::splat(0x007f_ffff)) + I32x4::splat(SQRT_HALF);
    let f = mantissa.from_bits() - F32x4::splat(1.0);
    // log x = n·ln 2 + f − f²/2 + f³·(…), the small terms first.
    let square = f * f;
    let rest = square.negative_mul_add(F32x4::splat(0.5), square * (f * polynomial(f, &LOG)));
    let low = f + n.mul_add(F32x4::splat(LN2_LOW), rest);
    let value = n.mul_add(F32x4::splat(LN2_HIGH), low);
    let infinity = F32x4::splat(f32::INFINITY);
    let positive = x.lt(infinity).select(value, infinity);
    let other = x.eq(F32x4::zero()).select(-infinity, F32x4::splat(f32::NAN));
    F32x4::zero().lt(x).select(positive, other)
}
