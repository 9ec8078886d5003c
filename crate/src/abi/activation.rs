//! The exports of the activation functions.

use super::slices::{slice, slice_mut, status};
use crate::activation;
use wasm_bindgen::prelude::wasm_bindgen;

/// GELU; `approximate` is 0 for the exact one, 1 for tanh's approximation.
#[wasm_bindgen]
pub fn gelu(output: usize, input: usize, length: usize, approximate: u32) -> u32 {
    let function = if approximate == 0 { activation::gelu } else { activation::gelu_tanh };
    activate(output, input, length, function)
}

/// SiLU.
#[wasm_bindgen]
pub fn silu(output: usize, input: usize, length: usize) -> u32 {
    activate(output, input, length, activation::silu)
}

/// ReLU.
#[wasm_bindgen]
pub fn relu(output: usize, input: usize, length: usize) -> u32 {
    activate(output, input, length, activation::relu)
}

fn activate(output: usize, input: usize, length: usize, function: fn(&mut [f32], &[f32])) -> u32 {
    let run = || {
        function(slice_mut(output, length)?, slice(input, length)?);
        Ok(())
    };
    status(run())
}
