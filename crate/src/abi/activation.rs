//! The exports of the activation functions and their gradients.

use super::slices::{slice, slice_mut};
use crate::activation;
use crate::activation::Activation;
use wasm_bindgen::prelude::wasm_bindgen;

/// `output[i]` = the `Activation` of `input[i]`.
#[wasm_bindgen]
pub fn activation(output: usize, input: usize, length: usize, activation: u32) {
    let activation = Activation::from_number(activation).unwrap();
    activation.apply(slice_mut(output, length), slice(input, length));
}

/// `output[i]` = silu(`a[i]`) · `b[i]`.
#[wasm_bindgen]
pub fn swiglu(output: usize, a: usize, b: usize, length: usize) {
    activation::swiglu(slice_mut(output, length), slice(a, length), slice(b, length));
}

/// `gradient[i]` = `output_gradient[i]` · the derivative of the `Activation` at `input[i]`; of relu the output will do.
#[wasm_bindgen]
pub fn activation_backward(gradient: usize, output_gradient: usize, input: usize, length: usize, activation: u32) {
    let activation = Activation::from_number(activation).unwrap();
    let (output_gradient, input) = (slice(output_gradient, length), slice(input, length));
    activation.apply_backward(slice_mut(gradient, length), output_gradient, input);
}

/// `gradient[i]` = `output_gradient[i]` · `b[i]` · silu′(`a[i]`), the gradient of swiglu's a.
#[wasm_bindgen]
pub fn swiglu_backward(gradient: usize, output_gradient: usize, a: usize, b: usize, length: usize) {
    let (output_gradient, b) = (slice(output_gradient, length), slice(b, length));
    activation::swiglu_backward(slice_mut(gradient, length), output_gradient, slice(a, length), b);
}
