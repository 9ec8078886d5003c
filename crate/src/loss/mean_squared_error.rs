//! The squared error of elements: loss = (a − b)², da = 2 (a − b).

use super::{Factors, fill, load};
use crate::dtype::canonical;

/// `losses[i]` = (`input[i]` − `target[i]`)².
pub fn mean_squared_error(losses: &mut [f32], input: &[f32], target: &[f32]) {
    fill(losses, |index, count| {
        let difference = load(input, index, count) - load(target, index, count);
        canonical(difference * difference)
    });
}

/// The gradient at the input; with the two exchanged, that at the target.
pub fn mean_squared_error_backward(gradient: &mut [f32], input: &[f32], target: &[f32], factors: Factors) {
    fill(gradient, |index, count| {
        // loss = (a − b)²
        let difference = load(input, index, count) - load(target, index, count);
        canonical((difference + difference) * factors.at(index, count))
    });
}
