//! The export of sinusoidal positions.

use super::slices::{product, slice_mut};
use crate::sinusoidal_positions;
use wasm_bindgen::prelude::wasm_bindgen;

/// output `[rows, columns]` = sines and cosines of positions.
#[wasm_bindgen]
pub fn sinusoidal_positions(output: usize, rows: usize, columns: usize) {
    sinusoidal_positions::sinusoidal_positions(slice_mut(output, product(&[rows, columns])), rows, columns);
}
