//! The export of softmax.

use super::slices::{product, slice, slice_mut, status};
use crate::softmax;
use wasm_bindgen::prelude::wasm_bindgen;

/// Softmax over the columns of `[rows, columns]`.
#[wasm_bindgen]
pub fn softmax(output: usize, input: usize, rows: usize, columns: usize) -> u32 {
    let run = || {
        let length = product(&[rows, columns])?;
        softmax::softmax(slice_mut(output, length)?, slice(input, length)?, rows, columns);
        Ok(())
    };
    status(run())
}
