//! The export of dropout.

use super::slices::{slice, slice_mut};
use crate::attention::dropout::Dropout;
use crate::dropout;
use wasm_bindgen::prelude::wasm_bindgen;

/// Dropout of `length` elements, which is the backward pass too; `threshold` is floor(p · 2^32), `scale` 1 / (1 − p), or 0 for
/// p = 1.
#[wasm_bindgen]
pub fn dropout(output: usize, input: usize, length: usize, threshold: u32, scale: f32, seed_low: u32, seed_high: u32) {
    let dropout = Dropout { threshold, scale, seed: [seed_low, seed_high] };
    dropout::dropout(slice_mut(output, length), slice(input, length), &dropout);
}
