//! Sums along an axis.
//!
//! ```text
//! output[o, i] = Σ_n input[o, n, i]
//! ```
//!
//! Along the last axis each row is summed as in `sum`. Along another one whole rows are added, in ascending order: blocks of 64
//! of them first, then the sums of the blocks. The error of a sum of n numbers is at most
//! 2^-24 · min(n, 80 + n/64) · Σ |input|; that of their mean, the sum times the rounded 1/n, is at most
//! 2^-24 · (2 + min(n, 80 + n/64)) · mean |input| + 2^-149.

use crate::dtype::canonical_scalar;
use crate::sum::{accumulate, sum};

/// Rows whose sum is added to the others' as one number.
const BLOCK: usize = 64;

/// Columns that are summed at a time: their sums stay in the L1 cache.
const COLUMNS: usize = 256;

/// output `[outer, inner]` = the sums of input `[outer, length, inner]` along the axis in the middle.
pub fn sum_along(output: &mut [f32], input: &[f32], outer: usize, length: usize, inner: usize) {
    assert!(output.len() == outer * inner && input.len() == outer * length * inner);
    if inner == 1 {
        for (row, output) in output.iter_mut().enumerate() {
            *output = canonical_scalar(sum(&input[row * length..][..length]));
        }
        return;
    }
    output.fill(0.0);
    for plane in 0..outer {
        let output = &mut output[plane * inner..][..inner];
        let rows = &input[plane * length * inner..][..length * inner];
        for block in rows.chunks((BLOCK * inner).max(1)) {
            for start in (0..inner).step_by(COLUMNS) {
                let columns = start..inner.min(start + COLUMNS);
                let mut sums = [0.0; COLUMNS];
                let sums = &mut sums[..columns.len()];
                for row in block.chunks_exact(inner) {
                    accumulate(sums, &row[columns.clone()]);
                }
                accumulate(&mut output[columns], sums);
            }
        }
    }
}
