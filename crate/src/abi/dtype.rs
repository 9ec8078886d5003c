//! The export of conversions between dtypes.

use super::Status;
use super::slices::{slice, slice_mut, status};
use crate::dtype;
use crate::dtype::Dtype;
use wasm_bindgen::prelude::wasm_bindgen;

/// Converts `length` elements between the float dtypes (0 float32, 1 float16, 2 bfloat16).
#[wasm_bindgen]
pub fn convert(output: usize, output_dtype: u32, input: usize, input_dtype: u32, length: usize) -> u32 {
    let run = || {
        let output_dtype = Dtype::from_u32(output_dtype).ok_or(Status::InvalidArgument)?;
        let input_dtype = Dtype::from_u32(input_dtype).ok_or(Status::InvalidArgument)?;
        match (output_dtype, input_dtype) {
            (Dtype::Float32, Dtype::Float32) => {
                slice_mut::<f32>(output, length)?.copy_from_slice(slice(input, length)?);
            }
            (Dtype::Float32, _) => dtype::widen(slice_mut(output, length)?, slice(input, length)?, input_dtype),
            (_, Dtype::Float32) => dtype::narrow(slice_mut(output, length)?, slice(input, length)?, output_dtype),
            _ => {
                let output = slice_mut(output, length)?;
                dtype::convert_half(output, output_dtype, slice(input, length)?, input_dtype);
            }
        }
        Ok(())
    };
    status(run())
}
