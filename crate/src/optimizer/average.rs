//! Exponential moving averages of parameters.

use super::update;
use crate::simd::F32x4;

/// e ← decay · e + share · p, with share = 1 − decay.
pub fn average(averages: &mut [f32], parameter: &[f32], decay: f32, share: f32) {
    update([averages], [parameter], |_, [e], [p]| [F32x4::splat(decay) * e + F32x4::splat(share) * p]);
}
