//! The export of sums along an axis.

use super::slices::{product, slice, slice_mut};
use crate::reduction;
use wasm_bindgen::prelude::wasm_bindgen;

/// output `[outer, inner]` = the sums of input `[outer, length, inner]` along the axis in the middle.
#[wasm_bindgen]
pub fn sum_along(output: usize, input: usize, outer: usize, length: usize, inner: usize) {
    let output = slice_mut(output, product(&[outer, inner]));
    reduction::sum_along(output, slice(input, product(&[outer, length, inner])), outer, length, inner);
}
