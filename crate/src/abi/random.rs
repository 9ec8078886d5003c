//! The exports of the random generator.

use super::slices::slice_mut;
use crate::random;
use wasm_bindgen::prelude::wasm_bindgen;

/// Elements `offset` to `offset + length` of the seed's uniform stream in [low, high).
#[wasm_bindgen]
pub fn random_uniform(
    output: usize,
    length: usize,
    low: f32,
    high: f32,
    seed_low: u32,
    seed_high: u32,
    offset_low: u32,
    offset_high: u32,
) {
    let offset = u64::from(offset_low) | u64::from(offset_high) << 32;
    random::uniform(slice_mut(output, length), low, high, [seed_low, seed_high], offset);
}

/// Elements `offset` to `offset + length` of the seed's normal stream.
#[wasm_bindgen]
pub fn random_normal(
    output: usize,
    length: usize,
    mean: f32,
    deviation: f32,
    seed_low: u32,
    seed_high: u32,
    offset_low: u32,
    offset_high: u32,
) {
    let offset = u64::from(offset_low) | u64::from(offset_high) << 32;
    random::normal(slice_mut(output, length), mean, deviation, [seed_low, seed_high], offset);
}

/// Brings the elements, 32 bits each, into the order that a seed has under a number.
#[wasm_bindgen]
pub fn random_shuffle(elements: usize, length: usize, seed_low: u32, seed_high: u32, number: u32) {
    random::shuffle(slice_mut(elements, length), [seed_low, seed_high], number);
}
