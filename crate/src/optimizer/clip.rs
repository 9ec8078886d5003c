//! Clipping of gradients: by their norm, whose square `sum::sums_double` adds up, and by their values.

use super::update;
use crate::simd::F32x4;

/// Multiplies every value; infinity times 0 is NaN.
pub fn scale(values: &mut [f32], factor: f32) {
    update([values], [], |_, [x], []| [x * F32x4::splat(factor)]);
}

/// Moves every value into [low, high]; NaN stays.
pub fn clamp(values: &mut [f32], low: f32, high: f32) {
    update([values], [], |_, [x], []| [x.pseudo_max(F32x4::splat(low)).pseudo_min(F32x4::splat(high))]);
}
