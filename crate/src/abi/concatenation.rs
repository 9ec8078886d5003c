//! The export that appends rows.

use super::Status;
use super::slices::{product, slice, slice_mut, status};
use crate::attention::arrays::{Strides, concatenate};
use wasm_bindgen::prelude::wasm_bindgen;

/// output `[batch, length + extra_length, width]` = rows `[batch, length, width]`, in every batch followed by the same
/// extra ones `[extra_length, width]`; or, where `is_batch_first` is 0, `[length + extra_length, batch, width]` of `[length,
/// batch, width]`. float32.
#[wasm_bindgen]
pub fn append_rows(
    output: usize,
    rows: usize,
    extra: usize,
    batch: usize,
    length: usize,
    extra_length: usize,
    width: usize,
    is_batch_first: u32,
) -> u32 {
    let run = || {
        let full = length.checked_add(extra_length).ok_or(Status::InvalidArgument)?;
        let output: &mut [u32] = slice_mut(output, product(&[batch, full, width])?)?;
        let rows: &[u32] = slice(rows, product(&[batch, length, width])?)?;
        let extra: &[u32] = slice(extra, product(&[extra_length, width])?)?;
        let strides = |length: usize| {
            let [batch, row] = if is_batch_first == 0 { [width, batch * width] } else { [length * width, width] };
            Strides { batch, head: 0, row }
        };
        let repeated = Strides { batch: 0, head: 0, row: width };
        let (first, second) = ((rows, strides(length), length), (extra, repeated, extra_length));
        concatenate((output, strides(full)), first, second, batch, 1, width);
        Ok(())
    };
    status(run())
}
