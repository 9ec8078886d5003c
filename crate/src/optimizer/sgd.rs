//! Stochastic gradient descent with momentum (Sutskever et al. 2013). With gradient g of parameter p:
//!
//! ```text
//! g ← g + λ p                                   where λ isn't 0
//! b ← g at first, then μ · b + (1 − dampening) · g           with momentum μ
//! g ← b; Nesterov: g + μ · b                    with momentum
//! p ← p − lr · g
//! ```

use super::update;
use crate::simd::F32x4;

/// The numbers of a step, each rounded once.
#[derive(Clone, Copy)]
pub struct SgdCoefficients {
    /// −lr
    pub step_size: f32,
    /// λ
    pub weight_decay: f32,
    /// μ
    pub momentum: f32,
    /// 1 − dampening
    pub share: f32,
    /// Whether the gradient looks ahead by a step of the momentum.
    pub nesterov: bool,
    /// Whether b is yet to be made.
    pub is_first: bool,
}

/// One step; buffer: b, with momentum.
pub fn sgd(parameter: &mut [f32], buffer: Option<&mut [f32]>, gradient: &[f32], coefficients: &SgdCoefficients) {
    let c = coefficients;
    let splat = F32x4::splat;
    let decayed = |p: F32x4, g: F32x4| if c.weight_decay == 0.0 { g } else { g + splat(c.weight_decay) * p };
    match buffer {
        None => update([parameter], [gradient], |[p], [g]| [p + splat(c.step_size) * decayed(p, g)]),
        Some(buffer) => update([parameter, buffer], [gradient], |[p, b], [g]| {
            let g = decayed(p, g);
            let b = if c.is_first { g } else { splat(c.momentum) * b + splat(c.share) * g };
            let direction = if c.nesterov { g + splat(c.momentum) * b } else { b };
            [p + splat(c.step_size) * direction, b]
        }),
    }
}
