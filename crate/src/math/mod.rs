//! Transcendental functions of our own, since the hosts' differ in their last bits.
//!
//! | function | largest error in units of the last place: separate | fused |
//! |---|---|---|
//! | `exp` | 1.1 | 1.1 |
//! | `log` | 0.9 | 0.9 |
//! | `tanh` | 2.5 | 2.5 |
//! | `normal_cdf` | 7.5 | 6.0 |
//! | `normal_cdf_and_density`, the density | 2.0 | 2.0 |
//! | `sin_cos` (float64, once rounded to float32) | 0.501 | 0.501 |
//! | `exp2_double`, `log2_double` (float64) | 1e-15 relative | 1e-15 relative |
//! | `exp_double` (float64) | 1e-15 + 2.2e-16 abs(x) relative | the same |
//!
//! Found by sweeps over every 37th float32 (`tests/math.rs` sweeps more coarsely). Each file says where its bounds hold
//! and what becomes of zeros, infinities and NaN; a NaN that comes out has no canonical form yet. Coefficients come from
//! `scripts/polynomials.py`.

mod double;
mod exp;
mod log;
mod normal_cdf;
mod tanh;

pub use double::{exp_double, exp2_double, log2_double, sin_cos};
pub use exp::exp;
pub(crate) use exp::{LN2_HIGH, LN2_LOW};
pub use log::log;
pub use normal_cdf::{normal_cdf, normal_cdf_and_density};
pub use tanh::tanh;

use crate::simd::F32x4;

/// Σ coefficients[i]·x^i by Horner's rule.
#[inline(always)]
fn polynomial<const N: usize>(x: F32x4, coefficients: &[f32; N]) -> F32x4 {
    let mut sum = F32x4::splat(coefficients[N - 1]);
    for &coefficient in coefficients[..N - 1].iter().rev() {
        sum = sum.mul_add(x, F32x4::splat(coefficient));
    }
    sum
}
