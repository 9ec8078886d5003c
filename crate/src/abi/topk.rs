//! The exports for the largest elements.

use super::slices::{optional_slice_mut, product, slice, slice_mut};
use crate::topk;
use wasm_bindgen::prelude::wasm_bindgen;

/// values and indices `[outer, k, inner]` of the largest of input `[outer, length, inner]` along the axis in the middle; scratch: k
/// numbers of 64 bits.
#[wasm_bindgen]
pub fn topk(
    optional_values: usize,
    indices: usize,
    input: usize,
    scratch: usize,
    outer: usize,
    length: usize,
    inner: usize,
    k: usize,
) {
    if k > length {
        panic!();
    }
    let count = product(&[outer, k, inner]);
    let values = optional_slice_mut(optional_values, count);
    let input = slice(input, product(&[outer, length, inner]));
    topk::topk(values, slice_mut(indices, count), input, slice_mut(scratch, k), outer, length, inner);
}

/// input_gradient `[outer, length, inner]` of the values' gradient `[outer, k, inner]` and their indices.
#[wasm_bindgen]
pub fn topk_backward(
    input_gradient: usize,
    gradient: usize,
    indices: usize,
    outer: usize,
    length: usize,
    inner: usize,
    k: usize,
) {
    let count = product(&[outer, k, inner]);
    let input_gradient = slice_mut(input_gradient, product(&[outer, length, inner]));
    topk::topk_backward(input_gradient, slice(gradient, count), slice(indices, count), outer, length, inner, k)
        .unwrap();
}
