//! The exports of products of matrices.

use super::broadcast::broadcast;
use super::numbers::OVERFLOW;
use super::slices::{product, slice, slice_mut};
use crate::matmul;
use crate::matmul::{Product, Transposed};
use wasm_bindgen::prelude::wasm_bindgen;

/// Elements of scratch memory that `matmul` needs; `OVERFLOW` when that overflows.
#[wasm_bindgen]
pub fn matmul_scratch_length(rows: usize, depth: usize, columns: usize, transposed: u32) -> usize {
    let length = |transposed| matmul::scratch_length(Product { rows, depth, columns, transposed });
    Transposed::from_number(transposed).and_then(length).unwrap_or(OVERFLOW as usize)
}

/// output `[…, rows, columns]` = a `[…, rows, depth]` · b `[…, depth, columns]`, of which the `Transposed` one has its last axes the
/// other way round. The batches are broadcast on the axes at `axes`, as in `add`, with strides that count matrices.
#[wasm_bindgen]
pub fn matmul(
    output: usize,
    a: usize,
    b: usize,
    scratch: usize,
    axes: usize,
    axis_count: usize,
    rows: usize,
    depth: usize,
    columns: usize,
    transposed: u32,
) {
    let transposed = Transposed::from_number(transposed).unwrap();
    let sizes = Product { rows, depth, columns, transposed };
    let batch = broadcast(axes, axis_count);
    let [a_matrices, b_matrices] = batch.extents;
    matmul::matmul(
        slice_mut(output, product(&[batch.positions, rows, columns])),
        slice(a, product(&[a_matrices, rows, depth])),
        slice(b, product(&[b_matrices, depth, columns])),
        slice_mut(scratch, matmul::scratch_length(sizes).unwrap()),
        batch.axes,
        sizes,
    );
}
