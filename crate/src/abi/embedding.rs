//! The export of embedding look-up.

use super::Status;
use super::slices::{Number, product, slice, slice_mut, status};
use crate::dtype::Dtype;
use crate::embedding;
use wasm_bindgen::prelude::wasm_bindgen;

/// output `[count, columns]` = rows of table `[rows, columns]` by int32 indices; both hold elements of the `Dtype`.
#[wasm_bindgen]
pub fn embedding(
    output: usize,
    table: usize,
    indices: usize,
    count: usize,
    rows: usize,
    columns: usize,
    dtype: u32,
) -> u32 {
    fn copy<T: Number>(
        output: usize,
        table: usize,
        indices: &[i32],
        rows: usize,
        columns: usize,
    ) -> Result<(), Status> {
        let output = slice_mut::<T>(output, product(&[indices.len(), columns])?)?;
        let table = slice(table, product(&[rows, columns])?)?;
        embedding::embedding(output, table, indices, rows, columns).map_err(|_| Status::IndexOutOfRange)
    }
    let run = || {
        let indices = slice(indices, count)?;
        match Dtype::from_number(dtype).ok_or(Status::InvalidArgument)? {
            Dtype::Float32 => copy::<u32>(output, table, indices, rows, columns),
            Dtype::Float16 | Dtype::BFloat16 => copy::<u16>(output, table, indices, rows, columns),
        }
    };
    status(run())
}
