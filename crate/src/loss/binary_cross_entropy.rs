//! Binary cross-entropy of logits x and targets z, with weights w and p for the positive:
//!
//! ```text
//! loss = w ((1 − z) x + (1 + (p − 1) z) (ln(1 + e^−|x|) + max(−x, 0)))
//! dx   = w (1 − z − (1 + (p − 1) z) (1 − σ(x)))
//! ```

use super::{Factors, exp, log};
use crate::dtype::canonical;
use crate::lanes::{fill, load};
use crate::simd::F32x4;

/// ln(1 + e) for 0 ≤ e ≤ 1, of small ones too; NaN for NaN. (Higham 2002, "Accuracy and Stability", 1.14.1: what the sum rounds
/// off is made good by a factor.)
#[inline(always)]
fn log1p(e: F32x4) -> F32x4 {
    let one = F32x4::splat(1.0);
    let sum = one + e;
    sum.eq(one).select(e, log(sum) * (e / (sum - one)))
}

/// Weights of w and of p at elements; 1 where there is none.
#[inline(always)]
fn weights(weight: Option<&[f32]>, positive: Option<&[f32]>, index: usize) -> (F32x4, F32x4) {
    let of = |weights: Option<&[f32]>| weights.map_or(F32x4::splat(1.0), |weights| load(weights, index));
    (of(weight), of(positive))
}

/// All of the same length: losses, logits, targets, and the weights that there are.
pub fn binary_cross_entropy(
    losses: &mut [f32],
    logits: &[f32],
    targets: &[f32],
    weight: Option<&[f32]>,
    positive_weight: Option<&[f32]>,
) {
    let one = F32x4::splat(1.0);
    fill(losses, |index| {
        let (x, z) = (load(logits, index), load(targets, index));
        let (w, p) = weights(weight, positive_weight, index);
        let softplus = log1p(exp(-x.abs())) + (-x).pseudo_max(F32x4::zero());
        canonical(w * ((one - z) * x + (one + (p - one) * z) * softplus))
    });
}

/// gradient: that at the logits.
pub fn binary_cross_entropy_backward(
    gradient: &mut [f32],
    logits: &[f32],
    targets: &[f32],
    weight: Option<&[f32]>,
    positive_weight: Option<&[f32]>,
    factors: Factors,
) {
    let one = F32x4::splat(1.0);
    fill(gradient, |index| {
        let (x, z) = (load(logits, index), load(targets, index));
        let (w, p) = weights(weight, positive_weight, index);
        // ln(1 + e^−|x|) + max(−x, 0) = −ln σ(x), whose derivative is σ(x) − 1
        let e = exp(-x.abs());
        let complement = x.lt(F32x4::zero()).select(one, e) / (one + e);
        canonical(w * (one - z - (one + (p - one) * z) * complement) * factors.at(index))
    });
}
