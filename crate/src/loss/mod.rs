//! Losses, forward and backward. Each forward writes a loss per row or element in float32; `reduce` makes them one number.
//! Each backward writes the gradient of `Σ_r factor[r] · loss[r]`, once, straight from what the forward read: nothing is saved.

mod binary_cross_entropy;
mod cross_entropy;
mod ctc;
mod mean_squared_error;

pub use binary_cross_entropy::{binary_cross_entropy, binary_cross_entropy_backward};
pub use cross_entropy::{Targets, cross_entropy, cross_entropy_backward};
pub use ctc::{CtcCall, ctc, ctc_scratch_length};
pub use mean_squared_error::{mean_squared_error, mean_squared_error_backward};

use crate::dtype::canonical_scalar;
use crate::lanes::{fill, load};
use crate::math;
use crate::simd::F32x4;
use crate::softmax::{CUTOFF, largest};
use crate::sum::{sum, sums_double};

/// What each loss is multiplied with on the way to the result that is differentiated: one number for all, or one for each.
#[derive(Clone, Copy)]
pub struct Factors<'a>(pub &'a [f32]);

impl Factors<'_> {
    /// That of one loss.
    fn of(self, index: usize) -> f32 {
        self.0[if self.0.len() == 1 { 0 } else { index }]
    }

    /// Those of the losses from an index on.
    #[inline(always)]
    fn at(self, index: usize) -> F32x4 {
        if self.0.len() == 1 { F32x4::splat(self.0[0]) } else { load(self.0, index) }
    }
}

/// Σ losses / divisor, in float64, rounded once; 0 for a divisor of 0.
pub fn reduce(losses: &[f32], divisor: f64) -> f32 {
    if divisor == 0.0 {
        return 0.0;
    }
    canonical_scalar((sums_double(losses, 0.0).0 / divisor) as f32)
}

/// `math::exp` as a call, for what is not worth a copy of it.
#[inline(never)]
fn exp(x: F32x4) -> F32x4 {
    math::exp(x)
}

/// `math::log`, likewise.
#[inline(never)]
fn log(x: F32x4) -> F32x4 {
    math::log(x)
}

/// So many elements at a time are computed into memory of their own.
const BLOCK: usize = 256;

/// Σ of `length` terms, from block to block in float64. `write` gets a block and the number of its first term.
#[inline(always)]
fn sum_of_blocks(length: usize, write: impl Fn(&mut [f32], usize)) -> f64 {
    let mut total = 0.0;
    let mut terms = [0.0; BLOCK];
    for start in (0..length).step_by(BLOCK) {
        let block = &mut terms[..BLOCK.min(length - start)];
        write(block, start);
        total += f64::from(sum(block));
    }
    total
}

/// The softmax of a row, p = exp((x − m) · scale) / Σ, as what each element needs of the others.
struct Softmax {
    /// m, the largest x
    maximum: F32x4,
    scale: F32x4,
    /// ln Σ
    log_sum: F32x4,
    inverse_sum: F32x4,
}

impl Softmax {
    /// Of a row. Its sum is NaN where the row holds NaN or +∞, or nothing but −∞.
    #[inline(never)]
    fn of(row: &[f32], scale: f32) -> Self {
        let maximum = F32x4::splat(largest(row));
        let scale = F32x4::splat(scale);
        let total = sum_of_blocks(row.len(), |terms, start| {
            fill(terms, |index| math::exp((load(row, start + index) - maximum) * scale));
        });
        let total = F32x4::splat(total as f32);
        Self { maximum, scale, log_sum: log(total), inverse_sum: F32x4::splat(1.0) / total }
    }

    /// −ln p
    #[inline(always)]
    fn negative_log(&self, x: F32x4) -> F32x4 {
        self.log_sum - (x - self.maximum) * self.scale
    }

    /// p; 0 where it would soon be subnormal.
    #[inline(always)]
    fn probability(&self, x: F32x4) -> F32x4 {
        let difference = (x - self.maximum) * self.scale;
        difference.lt(F32x4::splat(CUTOFF)).select(F32x4::zero(), math::exp(difference) * self.inverse_sum)
    }
}
