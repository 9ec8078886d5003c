//! The exports of the activation functions.

use super::Status;
use super::slices::{slice, slice_mut, status};
use crate::activation;
use crate::activation::Activation;
use wasm_bindgen::prelude::wasm_bindgen;

/// `output[i]` = the `Activation` of `input[i]`.
#[wasm_bindgen]
pub fn activation(output: usize, input: usize, length: usize, activation: u32) -> u32 {
    let run = || {
        let activation = Activation::from_number(activation).ok_or(Status::InvalidArgument)?;
        activation.apply(slice_mut(output, length)?, slice(input, length)?);
        Ok(())
    };
    status(run())
}

/// `output[i]` = silu(`a[i]`) · `b[i]`.
#[wasm_bindgen]
pub fn swiglu(output: usize, a: usize, b: usize, length: usize) -> u32 {
    let run = || {
        activation::swiglu(slice_mut(output, length)?, slice(a, length)?, slice(b, length)?);
        Ok(())
    };
    status(run())
}
