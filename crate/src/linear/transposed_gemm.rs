//! The product of a transposed matrix with another one, which sums over the rows of both.

use super::gemm::multiply;
use super::pack::{pack_column_strips, pack_columns};
use super::packed_length;
use crate::dtype::canonical;
use crate::simd::F32x8;
use crate::tiles::{INPUT_BLOCK, PANEL, ROW_BLOCK};

/// Elements of scratch memory that `multiply_transposed` needs.
pub fn multiply_transposed_scratch_length(rows: usize, left_columns: usize, right_columns: usize) -> Option<usize> {
    let depth = rows.min(ROW_BLOCK);
    packed_length(depth, right_columns)?.checked_add(depth * left_columns.min(INPUT_BLOCK))
}

/// output `[left_columns, right_columns]` = leftᵀ · right, of left `[rows, left_columns]` and right `[rows, right_columns]`;
/// scratch: `multiply_transposed_scratch_length` elements.
///
/// An element is the sum of its blocks' sums, each one chain from zero over `ROW_BLOCK` rows, ascending.
pub fn multiply_transposed(
    output: &mut [f32],
    left: &[f32],
    right: &[f32],
    scratch: &mut [f32],
    rows: usize,
    left_columns: usize,
    right_columns: usize,
) {
    assert!(output.len() == left_columns * right_columns);
    assert!(left.len() == rows * left_columns && right.len() == rows * right_columns);
    if output.is_empty() {
        return;
    }
    if rows == 0 {
        output.fill(0.0);
    }
    for first_row in (0..rows).step_by(ROW_BLOCK) {
        let depth = ROW_BLOCK.min(rows - first_row);
        let left = &left[first_row * left_columns..][..depth * left_columns];
        let right = &right[first_row * right_columns..][..depth * right_columns];
        let (panels, strips) = scratch.split_at_mut(right_columns.next_multiple_of(PANEL) * depth);
        pack_columns(panels, right, depth, right_columns);
        for (group, output) in output.chunks_mut(INPUT_BLOCK * right_columns).enumerate() {
            let columns = output.len() / right_columns;
            let strips = &mut strips[..columns * depth];
            pack_column_strips(strips, left, depth, left_columns, group * INPUT_BLOCK);
            multiply(strips, panels, [columns, depth, right_columns], |sums, row, column| {
                write(&mut output[row * right_columns..], sums, column, right_columns, first_row == 0);
            });
        }
    }
}

/// The sums of a block's tile, whose first column is `column`, into rows of `width` elements, or added to what is there.
#[inline(always)]
fn write(output: &mut [f32], sums: &mut [[f32; PANEL]], column: usize, width: usize, is_first: bool) {
    let count = PANEL.min(width - column);
    for (r, sums) in sums.iter_mut().enumerate() {
        let row = &mut output[r * width + column..][..count];
        if let Some(row) = row.first_chunk_mut::<PANEL>() {
            let sums = F32x8::load(sums);
            (if is_first { sums } else { F32x8::load(row) + sums }).map(canonical).store(row);
        } else {
            if !is_first {
                for (sum, previous) in sums.iter_mut().zip(&*row) {
                    *sum += previous;
                }
            }
            row.copy_from_slice(&F32x8::load(sums).map(canonical).to_array()[..count]);
        }
    }
}
