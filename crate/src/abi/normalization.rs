//! The exports of the norms.

use super::axis::along_axis;
use super::numbers::OVERFLOW;
use super::slices::{optional_slice, optional_slice_mut, product, slice, slice_mut};
use crate::normalization;
use wasm_bindgen::prelude::wasm_bindgen;

/// Layer norm over the columns of `[rows, columns]`.
#[wasm_bindgen]
pub fn layer_norm(
    output: usize,
    input: usize,
    optional_weight: usize,
    optional_bias: usize,
    rows: usize,
    columns: usize,
    epsilon: f32,
) {
    let length = product(&[rows, columns]);
    let weight = optional_slice(optional_weight, columns);
    let bias = optional_slice(optional_bias, columns);
    let output = slice_mut(output, length);
    normalization::layer_norm(output, slice(input, length), weight, bias, rows, columns, epsilon);
}

/// RMS norm over the columns of `[rows, columns]`.
#[wasm_bindgen]
pub fn rms_norm(output: usize, input: usize, optional_weight: usize, rows: usize, columns: usize, epsilon: f32) {
    let length = product(&[rows, columns]);
    let weight = optional_slice(optional_weight, columns);
    normalization::rms_norm(slice_mut(output, length), slice(input, length), weight, rows, columns, epsilon);
}

/// Elements of scratch memory that `norm_backward` needs; `OVERFLOW` when that overflows.
#[wasm_bindgen]
pub fn norm_backward_scratch_length(columns: usize) -> usize {
    normalization::backward_scratch_length(columns).unwrap_or(OVERFLOW as usize)
}

/// The gradients of layer norm, or of RMS norm with an `is_centered` of 0: those that are wanted.
#[wasm_bindgen]
pub fn norm_backward(
    optional_input_gradient: usize,
    optional_weight_gradient: usize,
    optional_bias_gradient: usize,
    output_gradient: usize,
    input: usize,
    optional_weight: usize,
    scratch: usize,
    rows: usize,
    columns: usize,
    epsilon: f32,
    is_centered: u32,
) {
    let length = product(&[rows, columns]);
    let scratch_length = normalization::backward_scratch_length(columns).unwrap();
    normalization::norm_backward(
        optional_slice_mut(optional_input_gradient, length),
        optional_slice_mut(optional_weight_gradient, columns),
        optional_slice_mut(optional_bias_gradient, columns),
        slice(output_gradient, length),
        slice(input, length),
        optional_slice(optional_weight, columns),
        slice_mut(scratch, scratch_length),
        rows,
        columns,
        epsilon,
        is_centered != 0,
    );
}

/// Rows of length 1 along the axis in the middle of `[outer, length, inner]`.
#[wasm_bindgen]
pub fn normalize(output: usize, input: usize, scratch: usize, outer: usize, length: usize, inner: usize) {
    along_axis(normalization::normalize, output, input, 0, scratch, [outer, length, inner]);
}

/// The gradient of normalize's input, of its output's and the input.
#[wasm_bindgen]
pub fn normalize_backward(
    gradient: usize,
    output_gradient: usize,
    input: usize,
    scratch: usize,
    outer: usize,
    length: usize,
    inner: usize,
) {
    along_axis(normalization::normalize_backward, gradient, output_gradient, input, scratch, [outer, length, inner]);
}
