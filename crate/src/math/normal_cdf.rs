//! The distribution function of the standard normal distribution, which GELU is made of, and its density, of which GELU's
//! gradient is made too.

use super::exp::{reduce, reduced_exp_minus_one};
use super::polynomial;
use crate::simd::{F32x4, I32x4};

/// Φ(−a)·exp(a²/2) for 0 ≤ a ≤ 12.5: all coefficients are positive, so nothing cancels. Relative error 3.4e-8.
const TAIL_NUMERATOR: [f32; 5] = [0.5, 0.433_160_57, 0.179_427_41, 0.039_347_813, 0.003_924_716_7];
/// Its denominator.
const TAIL_DENOMINATOR: [f32; 6] = [1.0, 1.664_205_9, 1.186_695_9, 0.459_415_56, 0.098_638_594, 0.009_837_64];

/// Below −CUTOFF, Φ is 0: there it is 4e-36, and a little further it would be subnormal.
const CUTOFF: f32 = 12.5;

/// Φ(x) = ½·erfc(−x / √2), with small relative error in the negative tail too (where ½·(1 + erf) has none);
/// exact 0 below −12.5, NaN for NaN.
#[inline]
pub fn normal_cdf(x: F32x4) -> F32x4 {
    normal_cdf_and_density(x).0
}

/// Φ(x) and φ(x) = exp(−x²/2) / √(2π), of one exponential. The density is exact 0 beyond ±12.5.
#[inline]
pub fn normal_cdf_and_density(x: F32x4) -> (F32x4, F32x4) {
    /// 1 / √(2π).
    const DENSITY_AT_ZERO: f32 = 0.398_942_3;
    let cutoff = F32x4::splat(CUTOFF);
    let one = F32x4::splat(1.0);
    let half = F32x4::splat(0.5);
    let magnitude = x.abs();
    let a = magnitude.pseudo_min(cutoff);
    // exp(−a²/2) would lose 7 bits to the rounding of a². So a = high + low, where high has 12 bits and an exact
    // square: a² = high² + low·(a + high). The second half is below 0.04 and goes straight into the reduced argument.
    let high = (a.to_bits() & I32x4::splat(!0xfff)).from_bits();
    let (r, scale) = reduce(high * high * -half, 0);
    let r = ((a - high) * half).negative_mul_add(a + high, r);
    let exponential = (reduced_exp_minus_one(r) + one) * scale;
    let ratio = polynomial(a, &TAIL_NUMERATOR) / polynomial(a, &TAIL_DENOMINATOR);
    let beyond = cutoff.lt(magnitude);
    let tail = beyond.select(F32x4::zero(), ratio * exponential);
    let density = beyond.select(F32x4::zero(), exponential * F32x4::splat(DENSITY_AT_ZERO));
    (x.lt(F32x4::zero()).select(tail, one - tail), density)
}
