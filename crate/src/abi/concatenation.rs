//! The export that appends rows.

use super::slices::{product, slice, slice_mut};
use crate::attention::arrays::{Strides, concatenate};
use wasm_bindgen::prelude::wasm_bindgen;

/// output `[batch, length + extra_length, columns]` = rows `[batch, length, columns]`, in every batch followed by the same
/// extra ones `[extra_length, columns]`; or, where `is_batch_first` is 0, `[length + extra_length, batch, columns]` of `[length,
/// batch, columns]`. float32.
#[wasm_bindgen]
pub fn append_rows(
    output: usize,
    rows: usize,
    extra: usize,
    batch: usize,
    length: usize,
    extra_length: usize,
    columns: usize,
    is_batch_first: u32,
) {
    let full = length.checked_add(extra_length).unwrap();
    let output: &mut [u32] = slice_mut(output, product(&[batch, full, columns]));
    let rows: &[u32] = slice(rows, product(&[batch, length, columns]));
    let extra: &[u32] = slice(extra, product(&[extra_length, columns]));
    let strides = |length: usize| {
        let [batch, row] = if is_batch_first == 0 { [columns, batch * columns] } else { [length * columns, columns] };
        Strides { batch, head: 0, row }
    };
    let repeated = Strides { batch: 0, head: 0, row: columns };
    let (first, second) = ((rows, strides(length), length), (extra, repeated, extra_length));
    concatenate((output, strides(full)), first, second, batch, 1, columns);
}
