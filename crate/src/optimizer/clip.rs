//! Clipping of gradients, by their norm and by their values.

use super::update;
use crate::simd::F32x4;

/// Σ values², in float64 (which holds every square exactly, in 8 sums side by side, that are then added in pairs).
#[inline(never)]
pub fn sum_of_squares(values: &[f32]) -> f64 {
    let mut sums = [0.0; 8];
    let (groups, rest) = values.as_chunks::<8>();
    for group in groups {
        for (sum, &value) in sums.iter_mut().zip(group) {
            *sum += f64::from(value) * f64::from(value);
        }
    }
    for (sum, &value) in sums.iter_mut().zip(rest) {
        *sum += f64::from(value) * f64::from(value);
    }
    let [a, b, c, d, e, f, g, h] = sums;
    ((a + e) + (c + g)) + ((b + f) + (d + h))
}

/// Multiplies every value; infinity times 0 is NaN.
pub fn scale(values: &mut [f32], factor: f32) {
    update([values], [], |[x], []| [x * F32x4::splat(factor)]);
}

/// Moves every value into [low, high]; NaN stays.
pub fn clamp(values: &mut [f32], low: f32, high: f32) {
    update([values], [], |[x], []| [x.pseudo_max(F32x4::splat(low)).pseudo_min(F32x4::splat(high))]);
}
