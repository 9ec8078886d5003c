//! How far a student's distribution is from a teacher's, both softened by a temperature τ:
//!
//! ```text
//! loss = τ² Σ_c t_c (ln t_c − ln s_c)          t = softmax(teacher / τ), s = softmax(student / τ); terms with t_c = 0 left out
//! d student_c = τ (s_c − t_c)                  the teacher is a constant
//! ```
//!
//! (Hinton et al. 2015, "Distilling the Knowledge in a Neural Network".)

use super::{Factors, Softmax, exp, sum_of};
use crate::dtype::{canonical, canonical_scalar};
use crate::lanes::{fill, load};
use crate::simd::F32x4;

/// losses: `[rows]`; student, teacher: `[rows, columns]`.
pub fn distillation(losses: &mut [f32], student: &[f32], teacher: &[f32], columns: usize, temperature: f32) {
    assert!(student.len() == losses.len() * columns && teacher.len() == student.len());
    for (row, loss) in losses.iter_mut().enumerate() {
        let [student, teacher] = [student, teacher].map(|logits| &logits[row * columns..][..columns]);
        let [s, t] = [student, teacher].map(|logits| Softmax::of(logits, 1.0 / temperature));
        let total = sum_of(columns, |index| {
            let (x, y) = (load(student, index), load(teacher, index));
            let probability = t.probability(y, exp);
            let term = probability * (s.negative_log(x) - t.negative_log(y));
            probability.eq(F32x4::zero()).select(F32x4::zero(), term)
        });
        let squared = f64::from(temperature) * f64::from(temperature);
        *loss = canonical_scalar((total * squared) as f32);
    }
}

/// The gradient at the student.
pub fn distillation_backward(
    gradient: &mut [f32],
    student: &[f32],
    teacher: &[f32],
    factors: Factors,
    columns: usize,
    temperature: f32,
) {
    assert!(gradient.len() == student.len() && teacher.len() == student.len());
    if columns == 0 {
        return;
    }
    for (row, gradient) in gradient.chunks_exact_mut(columns).enumerate() {
        let [student, teacher] = [student, teacher].map(|logits| &logits[row * columns..][..columns]);
        let [s, t] = [student, teacher].map(|logits| Softmax::of(logits, 1.0 / temperature));
        // loss = τ² Σ_c t_c (ln t_c − ln s_c)
        let factor = F32x4::splat(factors.of(row) * temperature);
        fill(gradient, |index| {
            let difference = s.probability(load(student, index), exp) - t.probability(load(teacher, index), exp);
            canonical(difference * factor)
        });
    }
}
