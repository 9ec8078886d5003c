//! The exports of what is computed element by element from two operands.

use super::broadcast::broadcast;
use super::slices::{slice, slice_mut};
use crate::elementwise;
use wasm_bindgen::prelude::wasm_bindgen;

/// output = a + b, broadcast on the axes at `axes`: the words size, stride in a, stride in b of each, the fastest first.
#[wasm_bindgen]
pub fn add(output: usize, a: usize, b: usize, axes: usize, axis_count: usize) {
    let shape = broadcast(axes, axis_count);
    let [a_length, b_length] = shape.extents;
    elementwise::add(slice_mut(output, shape.positions), slice(a, a_length), slice(b, b_length), shape.axes);
}

/// output = a · b, as `add`.
#[wasm_bindgen]
pub fn mul(output: usize, a: usize, b: usize, axes: usize, axis_count: usize) {
    let shape = broadcast(axes, axis_count);
    let [a_length, b_length] = shape.extents;
    elementwise::mul(slice_mut(output, shape.positions), slice(a, a_length), slice(b, b_length), shape.axes);
}
