//! The exports of the frequencies of rotary embedding.

use super::slices::slice_mut;
use crate::rotary_frequencies;
use crate::rotary_frequencies::{RopeScaling, RopeType};
use wasm_bindgen::prelude::wasm_bindgen;

/// frequencies: float64 `[pairs]`, for a sequence of `length`; `rope_type` is the `RopeType` of the scaling, whose fields
/// follow.
#[wasm_bindgen]
pub fn rotary_frequencies(
    frequencies: usize,
    pairs: usize,
    base: f64,
    length: f64,
    rope_type: u32,
    first: f64,
    second: f64,
    third: f64,
    fourth: f64,
    fifth: f64,
) {
    let rope_type = RopeType::from_number(rope_type).unwrap();
    let scaling = RopeScaling::from_fields(rope_type, [first, second, third, fourth, fifth]);
    rotary_frequencies::rotary_frequencies(slice_mut(frequencies, pairs), base, scaling, length);
}

/// By what YaRN multiplies cosines and sines.
#[wasm_bindgen]
pub fn rotary_attention_factor(factor: f64, mscale: f64, mscale_all_dim: f64) -> f64 {
    rotary_frequencies::rotary_attention_factor(factor, mscale, mscale_all_dim)
}
