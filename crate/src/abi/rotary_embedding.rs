//! The exports of rotary embedding.

use super::Status;
use super::slices::{optional_slice, product, slice, slice_mut, status};
use crate::rotary_embedding;
use crate::rotary_embedding::RotaryLayout;
use wasm_bindgen::prelude::wasm_bindgen;

/// Rotary embedding of heads at `batch_stride`, `sequence_stride` and `head_stride`, the same in output and input;
/// cosine, sine: `[table_rows, rotary_size / 2]`; position ids: int32 `[sequence]` for each batch, `position_stride` apart.
#[wasm_bindgen]
pub fn rotary_embedding(
    output: usize,
    input: usize,
    cosine: usize,
    sine: usize,
    optional_position_ids: usize,
    batch: usize,
    sequence: usize,
    heads: usize,
    head_size: usize,
    rotary_size: usize,
    table_rows: usize,
    interleaved: u32,
    batch_stride: usize,
    sequence_stride: usize,
    head_stride: usize,
    position_stride: usize,
) -> u32 {
    let run = || {
        if rotary_size > head_size || !rotary_size.is_multiple_of(2) {
            return Err(Status::InvalidArgument);
        }
        if product(&[batch, sequence, heads])? == 0 {
            return Ok(());
        }
        let mut length = head_size;
        for (count, stride) in [(batch, batch_stride), (sequence, sequence_stride), (heads, head_stride)] {
            length = product(&[count - 1, stride])?.checked_add(length).ok_or(Status::InvalidArgument)?;
        }
        let positions = product(&[batch - 1, position_stride])?.checked_add(sequence).ok_or(Status::InvalidArgument)?;
        let table_length = product(&[table_rows, rotary_size / 2])?;
        let layout = RotaryLayout {
            batch,
            sequence,
            heads,
            head_size,
            batch_stride,
            sequence_stride,
            head_stride,
            position_stride,
        };
        rotary_embedding::rotary_embedding(
            slice_mut(output, length)?,
            slice(input, length)?,
            slice(cosine, table_length)?,
            slice(sine, table_length)?,
            optional_slice(optional_position_ids, positions)?,
            layout,
            rotary_size,
            interleaved != 0,
        )
        .map_err(|_| Status::IndexOutOfRange)
    };
    status(run())
}

/// cosine, sine `[rows, pairs]` of position · frequency, times the attention factor; frequencies: float64 `[pairs]`; the
/// positions: int32 `[rows]`, or `first_position` and those that follow.
#[wasm_bindgen]
pub fn rotary_tables(
    cosine: usize,
    sine: usize,
    frequencies: usize,
    optional_position_ids: usize,
    first_position: usize,
    rows: usize,
    pairs: usize,
    attention_factor: f64,
) -> u32 {
    let run = || {
        let length = product(&[rows, pairs])?;
        rotary_embedding::rotary_tables(
            slice_mut(cosine, length)?,
            slice_mut(sine, length)?,
            slice(frequencies, pairs)?,
            optional_slice(optional_position_ids, rows)?,
            first_position,
            attention_factor,
        );
        Ok(())
    };
    status(run())
}
