//! The squared error of elements: loss = (a − b)², da = 2 (a − b).

use super::Factors;
use crate::dtype::canonical;
use crate::lanes::{fill, load};

/// `losses[i]` = (`input[i]` − `target[i]`)².
pub fn mean_squared_error(losses: &mut [f32], input: &[f32], target: &[f32]) {
    fill(losses, |index| {
        let difference = load(input, index) - load(target, index);
        canonical(difference * difference)
    });
}

/// The gradient at the input; with the two exchanged, that at the target.
pub fn mean_squared_error_backward(gradient: &mut [f32], input: &[f32], target: &[f32], factors: Factors) {
    fill(gradient, |index| {
        // loss = (a − b)²
        let difference = load(input, index) - load(target, index);
        canonical((difference + difference) * factors.at(index))
    });
}
