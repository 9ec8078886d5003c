//! The exports of the masked mean.

use super::slices::{product, slice, slice_mut};
use crate::masked_mean;
use wasm_bindgen::prelude::wasm_bindgen;

/// output `[batch, columns]` = the mean of input `[batch, length, columns]` by mask `[batch, length]`.
#[wasm_bindgen]
pub fn masked_mean(output: usize, input: usize, mask: usize, batch: usize, length: usize, columns: usize) {
    let output = slice_mut(output, product(&[batch, columns]));
    let input = slice(input, product(&[batch, length, columns]));
    masked_mean::masked_mean(output, input, slice(mask, product(&[batch, length])), batch, length, columns);
}

/// input_gradient `[batch, length, columns]` of gradient `[batch, columns]` and mask `[batch, length]`.
#[wasm_bindgen]
pub fn masked_mean_backward(
    input_gradient: usize,
    gradient: usize,
    mask: usize,
    batch: usize,
    length: usize,
    columns: usize,
) {
    let input_gradient = slice_mut(input_gradient, product(&[batch, length, columns]));
    let gradient = slice(gradient, product(&[batch, columns]));
    let mask = slice(mask, product(&[batch, length]));
    masked_mean::masked_mean_backward(input_gradient, gradient, mask, batch, length, columns);
}
