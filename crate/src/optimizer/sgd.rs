//! Stochastic gradient descent with momentum (Sutskever et al. 2013). With gradient g of parameter p:
//!
//! ```text
//! g ← g + λ p                                   where λ isn't 0
//! b ← g at first, then μ · b + (1 − dampening) · g           with momentum μ
//! g ← b; Nesterov: g + μ · b                    with momentum
//! p ← p − lr · g
//! ```

use super::update;
use crate::dtype::canonical;
use crate::lanes::{load, store};
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
pub fn sgd(parameter: &mut [f32], mut buffer: Option<&mut [f32]>, gradient: &[f32], coefficients: &SgdCoefficients) {
    let c = coefficients;
    let splat = F32x4::splat;
    update([parameter], [gradient], |index, [p], [g]| {
        let g = if c.weight_decay == 0.0 { g } else { g + splat(c.weight_decay) * p };
        let mut direction = g;
        if let Some(buffer) = &mut buffer {
            let b = if c.is_first { g } else { splat(c.momentum) * load(buffer, index) + splat(c.share) * g };
            store(buffer, index, canonical(b));
            direction = if c.nesterov { g + splat(c.momentum) * b } else { b };
        }
        [p + splat(c.step_size) * direction]
    });
}
