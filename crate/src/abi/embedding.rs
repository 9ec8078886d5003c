//! The export of embedding look-up.

use super::Status;
use super::slices::{product, slice, slice_mut, status};
use crate::embedding;
use wasm_bindgen::prelude::wasm_bindgen;

/// output `[count, columns]` = rows of table `[rows, columns]` by int32 indices.
#[wasm_bindgen]
pub fn embedding(output: usize, table: usize, indices: usize, count: usize, rows: usize, columns: usize) -> u32 {
    let run = || {
        let output = slice_mut(output, product(&[count, columns])?)?;
        let table = slice(table, product(&[rows, columns])?)?;
        embedding::embedding(output, table, slice(indices, count)?, rows, columns).map_err(|_| Status::IndexOutOfRange)
    };
    status(run())
}
