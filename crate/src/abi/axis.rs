//! What the exports that work along an axis share.

use super::numbers::OVERFLOW;
use super::slices::{optional_slice, product, slice, slice_mut};
use crate::axis::{self, Row};
use wasm_bindgen::prelude::wasm_bindgen;

/// Elements of scratch memory for `arrays` of `[outer, length, inner]`, the output among them; `OVERFLOW` when that
/// overflows. For 0, any pointer will do.
#[wasm_bindgen]
pub fn axis_scratch_length(arrays: usize, length: usize, inner: usize) -> usize {
    axis::scratch_length(arrays, length, inner).unwrap_or(OVERFLOW as usize)
}

/// Computes the rows along the axis in the middle of `[outer, length, inner]`; without another input that is 0.
pub fn along_axis(row: Row, output: usize, input: usize, optional_other: usize, scratch: usize, sizes: [usize; 3]) {
    let [_, length, inner] = sizes;
    let count = product(&sizes);
    let other = optional_slice(optional_other, count);
    let arrays = if other.is_some() { 3 } else { 2 };
    let scratch_length = axis::scratch_length(arrays, length, inner).unwrap();
    let scratch = if scratch_length == 0 { &mut [] } else { slice_mut(scratch, scratch_length) };
    let output = slice_mut(output, count);
    axis::along_axis(output, slice(input, count), other.unwrap_or_default(), scratch, sizes, row);
}
