//! What is computed row by row along any axis, from one or more arrays: along the last one the rows lie there as they are; of
//! another one so many neighbours are brought together in scratch memory, whose bits are then those of the last axis.

use core::ops::Range;

/// Along an axis that is not the last, so many neighbours are computed together: a cache line of them.
const NEIGHBOURS: usize = 16;

/// Computes a row of the output from the same row of one or two inputs; where there is one, the other is empty.
pub type Row = fn(&mut [f32], input: &[f32], other: &[f32]);

/// Elements of scratch memory for arrays `[outer, length, inner]`, the output among them: none where the axis is the last.
pub fn scratch_length(arrays: usize, length: usize, inner: usize) -> Option<usize> {
    if inner <= 1 { Some(0) } else { length.checked_mul(arrays * inner.min(NEIGHBOURS)) }
}

/// Computes each row of the output along the axis in the middle of `[outer, length, inner]`, the sizes of its inputs too;
/// scratch: `[scratch_length]`.
pub fn along_axis(
    output: &mut [f32],
    input: &[f32],
    other: &[f32],
    scratch: &mut [f32],
    [outer, length, inner]: [usize; 3],
    row: Row,
) {
    assert!(output.len() == outer * length * inner && input.len() == output.len());
    assert!(other.is_empty() || other.len() == output.len());
    if output.is_empty() {
        return;
    }
    // Of an array that isn't there, every part is empty.
    let part = |size: usize| if other.is_empty() { 0 } else { size };
    let plane = length * inner;
    for (n, (output, input)) in output.chunks_exact_mut(plane).zip(input.chunks_exact(plane)).enumerate() {
        let other = &other[n * part(plane)..][..part(plane)];
        if inner == 1 {
            row(output, input, other);
            continue;
        }
        for start in (0..inner).step_by(NEIGHBOURS) {
            let columns = start..inner.min(start + NEIGHBOURS);
            let (outputs, rest) = scratch.split_at_mut(columns.len() * length);
            let (inputs, others) = rest.split_at_mut(columns.len() * length);
            gather(inputs, input, columns.clone(), inner);
            gather(others, other, columns.clone(), inner);
            for (column, output) in outputs.chunks_exact_mut(length).enumerate() {
                row(output, &inputs[column * length..][..length], &others[column * part(length)..][..part(length)]);
            }
            scatter(output, outputs, columns, inner);
        }
    }
}

/// Columns of `[length, inner]` as rows.
#[inline(never)]
fn gather(rows: &mut [f32], plane: &[f32], columns: Range<usize>, inner: usize) {
    let length = plane.len() / inner;
    for (n, line) in plane.chunks_exact(inner).enumerate() {
        for (column, &x) in line[columns.clone()].iter().enumerate() {
            rows[column * length + n] = x;
        }
    }
}

/// Rows as columns of `[length, inner]`.
#[inline(never)]
fn scatter(plane: &mut [f32], rows: &[f32], columns: Range<usize>, inner: usize) {
    let length = plane.len() / inner;
    for (n, line) in plane.chunks_exact_mut(inner).enumerate() {
        for (column, x) in line[columns.clone()].iter_mut().enumerate() {
            *x = rows[column * length + n];
        }
    }
}
