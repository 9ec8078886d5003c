//! The sum of the rows of a matrix.

use crate::sum::accumulate;
use crate::tiles::ROW_BLOCK;

/// sums `[columns]` = Σ over the rows of matrix `[rows, columns]`: the rows of a block ascending, then the blocks.
pub fn sum_rows(sums: &mut [f32], matrix: &[f32], columns: usize) {
    /// Columns that are summed at a time, in the L1 cache.
    const WIDTH: usize = 256;
    assert!(sums.len() == columns);
    sums.fill(0.0);
    if columns == 0 {
        return;
    }
    for block in matrix.chunks(ROW_BLOCK * columns) {
        for (first, sums) in (0..columns).step_by(WIDTH).zip(sums.chunks_mut(WIDTH)) {
            let mut block_sums = [0.0; WIDTH];
            let block_sums = &mut block_sums[..sums.len()];
            for row in block.chunks_exact(columns) {
                accumulate(block_sums, &row[first..][..sums.len()]);
            }
            accumulate(sums, block_sums);
        }
    }
}
