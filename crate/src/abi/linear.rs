//! The exports of the linear layer.

use super::numbers::OVERFLOW;
use super::slices::{optional_slice, product, slice, slice_mut};
use crate::activation::Activation;
use crate::linear;
use wasm_bindgen::prelude::wasm_bindgen;

/// Elements of the packed form of weights `[out_features, in_features]`; `OVERFLOW` when that overflows.
#[wasm_bindgen]
pub fn linear_packed_length(in_features: usize, out_features: usize) -> usize {
    linear::packed_length(in_features, out_features).unwrap_or(OVERFLOW as usize)
}

/// Packs weights for `linear`.
#[wasm_bindgen]
pub fn linear_pack(packed: usize, weight: usize, in_features: usize, out_features: usize) {
    let packed_length = linear::packed_length(in_features, out_features).unwrap();
    let weight = slice(weight, product(&[in_features, out_features]));
    linear::pack_weight(slice_mut(packed, packed_length), weight, in_features, out_features);
}

/// Packs a matrix `[rows, columns]` so that `linear` multiplies by it and not by its transpose: as `linear_pack` would its
/// transpose, into `linear_packed_length(rows, columns)` elements. Of a weight: what the gradient of the input is made with.
#[wasm_bindgen]
pub fn linear_pack_columns(packed: usize, matrix: usize, rows: usize, columns: usize) {
    let packed_length = linear::packed_length(rows, columns).unwrap();
    let matrix = slice(matrix, product(&[rows, columns]));
    linear::pack_columns(slice_mut(packed, packed_length), matrix, rows, columns);
}

/// Elements of scratch memory that `linear` needs; `OVERFLOW` when that overflows. For 0, any pointer will do.
#[wasm_bindgen]
pub fn linear_scratch_length(rows: usize, in_features: usize) -> usize {
    linear::scratch_length(rows, in_features).unwrap_or(OVERFLOW as usize)
}

/// output `[rows, out_features]` = activation(input `[rows, in_features]` · weightᵀ + bias); `activation` is an
/// `Activation`'s number.
#[wasm_bindgen]
pub fn linear(
    output: usize,
    input: usize,
    packed: usize,
    optional_bias: usize,
    scratch: usize,
    rows: usize,
    in_features: usize,
    out_features: usize,
    activation: u32,
) {
    let activation = Activation::from_number(activation).unwrap();
    let packed_length = linear::packed_length(in_features, out_features).unwrap();
    let scratch_length = linear::scratch_length(rows, in_features).unwrap();
    let scratch = if scratch_length == 0 { &mut [] } else { slice_mut(scratch, scratch_length) };
    linear::linear(
        slice_mut(output, product(&[rows, out_features])),
        slice(input, product(&[rows, in_features])),
        slice(packed, packed_length),
        optional_slice(optional_bias, out_features),
        scratch,
        rows,
        in_features,
        out_features,
        activation,
    );
}

/// Elements of scratch memory that `linear_weight_backward` needs; `OVERFLOW` when that overflows. For 0, any pointer will do.
#[wasm_bindgen]
pub fn linear_weight_backward_scratch_length(rows: usize, in_features: usize, out_features: usize) -> usize {
    linear::multiply_transposed_scratch_length(rows, out_features, in_features).unwrap_or(OVERFLOW as usize)
}

/// weight_gradient `[out_features, in_features]` = output_gradientᵀ · input, of output_gradient `[rows, out_features]` and
/// input `[rows, in_features]`.
#[wasm_bindgen]
pub fn linear_weight_backward(
    weight_gradient: usize,
    output_gradient: usize,
    input: usize,
    scratch: usize,
    rows: usize,
    in_features: usize,
    out_features: usize,
) {
    let scratch_length = linear::multiply_transposed_scratch_length(rows, out_features, in_features).unwrap();
    let scratch = if scratch_length == 0 { &mut [] } else { slice_mut(scratch, scratch_length) };
    let weight_gradient = slice_mut(weight_gradient, product(&[out_features, in_features]));
    weight_gradient.fill(0.0);
    linear::multiply_transposed(
        weight_gradient,
        slice(output_gradient, product(&[rows, out_features])),
        slice(input, product(&[rows, in_features])),
        scratch,
        rows,
        out_features,
        in_features,
    );
}

/// bias_gradient `[out_features]` = the sum of the rows of output_gradient `[rows, out_features]`.
#[wasm_bindgen]
pub fn linear_bias_backward(bias_gradient: usize, output_gradient: usize, rows: usize, out_features: usize) {
    linear::sum_rows(
        slice_mut(bias_gradient, out_features),
        slice(output_gradient, product(&[rows, out_features])),
        out_features,
    );
}
