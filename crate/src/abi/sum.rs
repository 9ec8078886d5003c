//! The export of sums in place.

use super::slices::{slice, slice_mut};
use crate::sum;
use wasm_bindgen::prelude::wasm_bindgen;

/// `sums[i] += addends[i]`.
#[wasm_bindgen]
pub fn accumulate(sums: usize, addends: usize, length: usize) {
    sum::accumulate(slice_mut(sums, length), slice(addends, length));
}
