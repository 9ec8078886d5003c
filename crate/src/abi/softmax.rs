//! The exports of softmax and its logarithm.

use super::axis::along_axis;
use crate::softmax;
use wasm_bindgen::prelude::wasm_bindgen;

/// Softmax along the axis in the middle of `[outer, length, inner]`.
#[wasm_bindgen]
pub fn softmax(output: usize, input: usize, scratch: usize, outer: usize, length: usize, inner: usize) {
    along_axis(softmax::softmax, output, input, 0, scratch, [outer, length, inner]);
}

/// As `softmax`, its logarithm.
#[wasm_bindgen]
pub fn log_softmax(output: usize, input: usize, scratch: usize, outer: usize, length: usize, inner: usize) {
    along_axis(softmax::log_softmax, output, input, 0, scratch, [outer, length, inner]);
}

/// The gradient of softmax's input, of its output's and the output.
#[wasm_bindgen]
pub fn softmax_backward(
    gradient: usize,
    output_gradient: usize,
    output: usize,
    scratch: usize,
    outer: usize,
    length: usize,
    inner: usize,
) {
    along_axis(softmax::softmax_backward, gradient, output_gradient, output, scratch, [outer, length, inner]);
}

/// The gradient of log-softmax's input, of its output's and the output.
#[wasm_bindgen]
pub fn log_softmax_backward(
    gradient: usize,
    output_gradient: usize,
    output: usize,
    scratch: usize,
    outer: usize,
    length: usize,
    inner: usize,
) {
    along_axis(softmax::log_softmax_backward, gradient, output_gradient, output, scratch, [outer, length, inner]);
}
