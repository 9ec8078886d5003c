//! Sums along an axis.
//!
//! ```text
//! output[o, i] = Σ_n input[o, n, i]
//! ```
//!
//! Along the last axis each row is summed as in `sum`, along another one whole rows are added as in `sum_rows`. The error of a sum
//! of n numbers is at most 2^-24 · min(n, 256 + n/256) · Σ |input|; that of their mean, the sum times the rounded 1/n, is at most
//! 2^-24 · (2 + min(n, 256 + n/256)) · mean |input| + 2^-149.

use crate::dtype::canonical_scalar;
use crate::linear::sum_rows;
use crate::sum::sum;

/// output `[outer, inner]` = the sums of input `[outer, length, inner]` along the axis in the middle.
pub fn sum_along(output: &mut [f32], input: &[f32], outer: usize, length: usize, inner: usize) {
    assert!(output.len() == outer * inner && input.len() == outer * length * inner);
    if inner == 1 {
        for (row, output) in output.iter_mut().enumerate() {
            *output = canonical_scalar(sum(&input[row * length..][..length]));
        }
        return;
    }
    for plane in 0..outer {
        let rows = &input[plane * length * inner..][..length * inner];
        sum_rows(&mut output[plane * inner..][..inner], rows, inner);
    }
}
