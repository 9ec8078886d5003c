//! Cross-entropy, with the softmax inside. Of a row of logits x, with p = softmax(x):
//!
//! ```text
//! q_c  = w_c (ε/C + (1 − ε) t_c)            t_c the target's probability; of a class y: [c = y]
//! loss = −Σ_c q_c ln p_c                    terms with q_c = 0 left out; 0 where y is ignored
//! dx_c = p_c Σ q − q_c
//! ```
//!
//! Row by row, so that of logits of a large vocabulary nothing of their size is made but the gradient.
//! (Szegedy et al. 2016, "Rethinking the Inception Architecture", for ε.)

use super::{Factors, Softmax, sum_of_blocks};
use crate::dtype::{canonical, canonical_scalar};
use crate::lanes::{fill, load, store};
use crate::simd::{F32x4, LANES};
use crate::sum::sum;

/// What the logits are compared with.
#[derive(Clone, Copy)]
pub enum Targets<'a> {
    /// The class of each row. One that equals `ignored` has no loss; any other is a class.
    Classes { classes: &'a [i32], ignored: i32 },
    /// The probability of each class, `[rows, C]`.
    Probabilities(&'a [f32]),
}

/// q of a row: `factor · target + base`, each times the weight, and more at the class.
struct Expected<'a> {
    weight: Option<&'a [f32]>,
    probabilities: Option<&'a [f32]>,
    base: f32,
    kept: f32,
    class: Option<usize>,
}

impl<'a> Expected<'a> {
    /// None for a row that is ignored.
    #[inline(never)]
    fn of(targets: Targets<'a>, weight: Option<&'a [f32]>, row: usize, columns: usize, smoothing: f64) -> Option<Self> {
        let (base, kept) = ((smoothing / columns as f64) as f32, (1.0 - smoothing) as f32);
        let (probabilities, class) = match targets {
            Targets::Classes { classes, ignored } if classes[row] == ignored => return None,
            Targets::Classes { classes, .. } => (None, Some(classes[row] as usize)),
            Targets::Probabilities(all) => (Some(&all[row * columns..][..columns]), None),
        };
        Some(Self { weight, probabilities, base, kept, class })
    }

    /// Writes q of the classes from an index on, but for what the class adds.
    #[inline(never)]
    fn write(&self, q: &mut [f32], start: usize) {
        fill(q, |index| {
            let base = F32x4::splat(self.base);
            let kept = F32x4::splat(self.kept);
            let q = self.probabilities.map_or(base, |t| load(t, start + index) * kept + base);
            self.weight.map_or(q, |weight| load(weight, start + index) * q)
        });
    }

    /// The class and what it adds to q there.
    fn peak(&self) -> Option<(usize, f32)> {
        self.class.map(|class| (class, self.weight.map_or(1.0, |weight| weight[class]) * self.kept))
    }

    /// Whether q is more than what a class adds.
    fn is_spread(&self) -> bool {
        self.probabilities.is_some() || self.base != 0.0
    }
}

/// losses: `[rows]`; logits: `[rows, columns]`; weight: `[columns]`; scale: what the logits are multiplied with, 1 or 1/τ.
pub fn cross_entropy(
    losses: &mut [f32],
    logits: &[f32],
    targets: Targets,
    weight: Option<&[f32]>,
    columns: usize,
    smoothing: f64,
    scale: f32,
) {
    assert_eq!(logits.len(), losses.len() * columns);
    for (row, loss) in losses.iter_mut().enumerate() {
        let Some(expected) = Expected::of(targets, weight, row, columns, smoothing) else {
            *loss = 0.0;
            continue;
        };
        let x = &logits[row * columns..][..columns];
        let softmax = Softmax::of(x, scale);
        let term = |q: F32x4, x: F32x4| q.eq(F32x4::zero()).select(F32x4::zero(), q * softmax.negative_log(x));
        let mut total = 0.0;
        if expected.is_spread() {
            total = sum_of_blocks(columns, |terms, start| {
                expected.write(terms, start);
                for index in (0..terms.len()).step_by(LANES) {
                    store(terms, index, term(load(terms, index), load(x, start + index)));
                }
            });
        }
        if let Some((class, q)) = expected.peak() {
            total += f64::from(term(F32x4::splat(q), F32x4::splat(x[class])).to_array()[0]);
        }
        *loss = canonical_scalar(total as f32);
    }
}

/// gradient: that at the scaled logits, `[rows, columns]`.
pub fn cross_entropy_backward(
    gradient: &mut [f32],
    logits: &[f32],
    targets: Targets,
    weight: Option<&[f32]>,
    factors: Factors,
    columns: usize,
    smoothing: f64,
    scale: f32,
) {
    assert_eq!(gradient.len(), logits.len());
    if columns == 0 {
        return;
    }
    for (row, (gradient, x)) in gradient.chunks_exact_mut(columns).zip(logits.chunks_exact(columns)).enumerate() {
        let Some(expected) = Expected::of(targets, weight, row, columns, smoothing) else {
            gradient.fill(0.0);
            continue;
        };
        // q first, in the place of the gradient.
        expected.write(gradient, 0);
        if let Some((class, q)) = expected.peak() {
            gradient[class] += q;
        }
        let total = F32x4::splat(sum(gradient));
        let softmax = Softmax::of(x, scale);
        let factor = F32x4::splat(factors.of(row));
        for index in (0..columns).step_by(LANES) {
            // loss = −Σ_c q_c ln p_c
            let p = softmax.probability(load(x, index));
            store(gradient, index, canonical((p * total - load(gradient, index)) * factor));
        }
    }
}
