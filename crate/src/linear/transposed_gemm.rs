//! The product of a transposed matrix with another one, which sums over the rows of both.

use super::gemm::multiply;
use super::pack::{pack_column_strips, pack_columns};
use super::packed_length;
use crate::dtype::canonical;
use crate::simd::F32x8;
use crate::sum::accumulate;
use crate::tiles::{INPUT_BLOCK, PANEL, ROW_BLOCK};

/// Elements of scratch memory that `multiply_transposed` needs.
pub fn multiply_transposed_scratch_length(rows: usize, left_columns: usize, right_columns: usize) -> Option<usize> {
    let depth = rows.min(ROW_BLOCK);
    packed_length(depth, right_columns)?.checked_add(depth * left_columns.min(INPUT_BLOCK))
}

/// output `[left_columns, right_columns]` += leftᵀ · right, of left `[rows, left_columns]` and right `[rows, right_columns]`;
/// scratch: `multiply_transposed_scratch_length` elements.
///
/// To an element are added its blocks' sums, each one chain from zero over `ROW_BLOCK` rows, ascending.
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
    for (left, right) in left.chunks(ROW_BLOCK * left_columns).zip(right.chunks(ROW_BLOCK * right_columns)) {
        let depth = right.len() / right_columns;
        let (panels, strips) = scratch.split_at_mut(right_columns.next_multiple_of(PANEL) * depth);
        pack_columns(panels, right, depth, right_columns);
        for (group, output) in output.chunks_mut(INPUT_BLOCK * right_columns).enumerate() {
            let columns = output.len() / right_columns;
            let strips = &mut strips[..columns * depth];
            pack_column_strips(strips, left, depth, left_columns, group * INPUT_BLOCK);
            multiply(strips, panels, [columns, depth, right_columns], |sums, row, column| {
                add(&mut output[row * right_columns..], sums, column, right_columns);
            });
        }
    }
}

/// Adds the sums of a tile, whose first column is `column`, to rows of `width` elements.
#[inline(always)]
fn add(output: &mut [f32], sums: &[[f32; PANEL]], column: usize, width: usize) {
    let count = PANEL.min(width - column);
    for (r, sums) in sums.iter().enumerate() {
        let row = &mut output[r * width + column..][..count];
        match row.first_chunk_mut::<PANEL>() {
            Some(row) => (F32x8::load(row) + F32x8::load(sums)).map(canonical).store(row),
            None => accumulate(row, &sums[..count]),
        }
    }
}
