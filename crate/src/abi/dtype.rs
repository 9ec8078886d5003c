//! The export of conversions between dtypes.

use super::slices::{slice, slice_mut};
use crate::dtype;
use crate::dtype::Dtype;
use wasm_bindgen::prelude::wasm_bindgen;

/// Converts `length` elements between two `Dtype`s.
#[wasm_bindgen]
pub fn convert(output: usize, input: usize, length: usize, output_dtype: u32, input_dtype: u32) {
    let output_dtype = Dtype::from_number(output_dtype).unwrap();
    let input_dtype = Dtype::from_number(input_dtype).unwrap();
    match (output_dtype, input_dtype) {
        (Dtype::Float32, Dtype::Float32) => {
            slice_mut::<f32>(output, length).copy_from_slice(slice(input, length));
        }
        (Dtype::Float32, _) => dtype::widen(slice_mut(output, length), slice(input, length), input_dtype),
        (_, Dtype::Float32) => dtype::narrow(slice_mut(output, length), slice(input, length), output_dtype),
        _ => {
            let output = slice_mut(output, length);
            dtype::convert_half(output, slice(input, length), output_dtype, input_dtype);
        }
    }
}
