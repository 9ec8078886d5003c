//! The exports of the norms.

use super::slices::{optional_slice, product, slice, slice_mut, status};
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
) -> u32 {
    let run = || {
        let length = product(&[rows, columns])?;
        let weight = optional_slice(optional_weight, columns)?;
        let bias = optional_slice(optional_bias, columns)?;
        let output = slice_mut(output, length)?;
        normalization::layer_norm(output, slice(input, length)?, weight, bias, rows, columns, epsilon);
        Ok(())
    };
    status(run())
}

/// RMS norm over the columns of `[rows, columns]`.
#[wasm_bindgen]
pub fn rms_norm(output: usize, input: usize, optional_weight: usize, rows: usize, columns: usize, epsilon: f32) -> u32 {
    let run = || {
        let length = product(&[rows, columns])?;
        let weight = optional_slice(optional_weight, columns)?;
        normalization::rms_norm(slice_mut(output, length)?, slice(input, length)?, weight, rows, columns, epsilon);
        Ok(())
    };
    status(run())
}
