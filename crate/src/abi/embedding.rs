//! The exports of embedding look-up.

use super::arguments::ABSENT;
use super::slices::{Number, product, slice, slice_mut};
use crate::dtype::Dtype;
use crate::embedding;
use wasm_bindgen::prelude::wasm_bindgen;

/// output `[count, columns]` = rows of table `[rows, columns]` by int32 indices; both hold elements of the `Dtype`.
#[wasm_bindgen]
pub fn embedding(output: usize, table: usize, indices: usize, count: usize, rows: usize, columns: usize, dtype: u32) {
    fn copy<T: Number>(output: usize, table: usize, indices: &[i32], rows: usize, columns: usize) {
        let output = slice_mut::<T>(output, product(&[indices.len(), columns]));
        let table = slice(table, product(&[rows, columns]));
        embedding::embedding(output, table, indices, rows, columns).unwrap();
    }
    let indices = slice(indices, count);
    match Dtype::from_number(dtype).unwrap() {
        Dtype::Float32 => copy::<u32>(output, table, indices, rows, columns),
        Dtype::Float16 | Dtype::BFloat16 => copy::<u16>(output, table, indices, rows, columns),
    }
}

/// The gradient of the table, float32 `[rows, columns]`, of the output's `[count, columns]`; `padding_index`: `ABSENT` = none.
#[wasm_bindgen]
pub fn embedding_backward(
    gradient: usize,
    output_gradient: usize,
    indices: usize,
    padding_index: i32,
    count: usize,
    rows: usize,
    columns: usize,
) {
    let gradient = slice_mut(gradient, product(&[rows, columns]));
    let output_gradient = slice(output_gradient, product(&[count, columns]));
    let padding_index = (padding_index != ABSENT).then_some(padding_index);
    embedding::embedding_backward(gradient, output_gradient, slice(indices, count), padding_index, rows, columns)
        .unwrap();
}
