//! Adam (Kingma and Ba 2015) and AdamW (Loshchilov and Hutter 2019). With gradient g of parameter p at step t:
//!
//! ```text
//! p ← p · (1 − lr · λ)                                      AdamW's decay
//! g ← g + λ p                                               Adam's, where λ isn't 0
//! m ← m + (1 − β1) · (g − m)
//! v ← v · β2 + ((1 − β2) · g) · g
//! p ← p + (−lr / (1 − β1^t) · m) / (√v / √(1 − β2^t) + ε)     amsgrad: with the largest v so far in place of v
//! ```

use super::update;
use crate::dtype::canonical;
use crate::lanes::{load, store};
use crate::simd::F32x4;

/// The numbers of a step, each rounded once.
#[derive(Clone, Copy)]
pub struct AdamCoefficients {
    /// 1 − lr · λ of AdamW, 1 for Adam
    pub decay: f32,
    /// λ of Adam, 0 for AdamW
    pub weight_decay: f32,
    /// 1 − β1
    pub first_share: f32,
    /// β2
    pub second_decay: f32,
    /// 1 − β2
    pub second_share: f32,
    /// −lr / (1 − β1^t)
    pub step_size: f32,
    /// √(1 − β2^t)
    pub correction: f32,
    /// ε
    pub epsilon: f32,
}

/// One step. first, second: m and v; largest: that of v, with amsgrad.
pub fn adam(
    parameter: &mut [f32],
    first: &mut [f32],
    second: &mut [f32],
    mut largest: Option<&mut [f32]>,
    gradient: &[f32],
    coefficients: &AdamCoefficients,
) {
    let c = coefficients;
    let splat = F32x4::splat;
    update([parameter, first, second], [gradient], |index, [p, m, v], [g]| {
        let p = p * splat(c.decay);
        let g = if c.weight_decay == 0.0 { g } else { g + splat(c.weight_decay) * p };
        let m = m + splat(c.first_share) * (g - m);
        let v = v * splat(c.second_decay) + (splat(c.second_share) * g) * g;
        let mut most = v;
        if let Some(largest) = &mut largest {
            // v first, so that NaN in it stays.
            most = v.pseudo_max(load(largest, index));
            store(largest, index, canonical(most));
        }
        let moved = p + (splat(c.step_size) * m) / (most.sqrt() / splat(c.correction) + splat(c.epsilon));
        [moved, m, v]
    });
}
