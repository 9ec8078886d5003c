//! The exports that copy elements of any kind.

use super::slices::{product, slice, slice_mut};
use crate::rearrangement;
use wasm_bindgen::prelude::wasm_bindgen;

/// Copies `rows` rows of `length` bytes, which begin so many bytes after each other.
#[wasm_bindgen]
pub fn copy_rows(output: usize, input: usize, rows: usize, length: usize, output_stride: usize, input_stride: usize) {
    if rows == 0 {
        return;
    }
    let extent = |stride: usize| product(&[rows - 1, stride]).checked_add(length).unwrap();
    let output: &mut [u8] = slice_mut(output, extent(output_stride));
    let input = slice(input, extent(input_stride));
    rearrangement::copy_rows(output, input, rows, length, output_stride, input_stride);
}

/// output `[outer, second, middle, first]` = input `[outer, first, middle, second]`, of elements of `bytes` bytes.
#[wasm_bindgen]
pub fn transpose(output: usize, input: usize, outer: usize, first: usize, middle: usize, second: usize, bytes: usize) {
    let sizes = [outer, first, middle, second];
    let count = product(&sizes);
    match bytes {
        2 => rearrangement::transpose::<u16>(slice_mut(output, count), slice(input, count), sizes),
        4 => rearrangement::transpose::<u32>(slice_mut(output, count), slice(input, count), sizes),
        _ => {
            let length = product(&[count, bytes]);
            let output: &mut [u8] = slice_mut(output, length);
            rearrangement::transpose_rows(output, slice(input, length), sizes, bytes);
        }
    }
}
