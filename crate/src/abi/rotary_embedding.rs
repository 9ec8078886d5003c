//! The exports of rotary embedding.

use super::arguments::RotaryEmbeddingArguments;
use super::slices::{optional_slice, product, read, slice, slice_mut};
use crate::rotary_embedding;
use crate::rotary_embedding::RotaryLayout;
use wasm_bindgen::prelude::wasm_bindgen;

/// Rotary embedding over the argument block at `arguments`.
#[wasm_bindgen]
pub fn rotary_embedding(arguments: usize) {
    let arguments = read::<RotaryEmbeddingArguments>(arguments);
    let layout = RotaryLayout {
        batch: arguments.batch as usize,
        sequence: arguments.length as usize,
        heads: arguments.heads as usize,
        head_size: arguments.head_size as usize,
        batch_stride: arguments.batch_stride as usize,
        sequence_stride: arguments.row_stride as usize,
        head_stride: arguments.head_stride as usize,
        position_stride: arguments.position_stride as usize,
    };
    let rotary_size = arguments.rotary_size as usize;
    let RotaryLayout { batch, sequence, heads, head_size, .. } = layout;
    if rotary_size > head_size || !rotary_size.is_multiple_of(2) {
        panic!();
    }
    if product(&[batch, sequence, heads]) == 0 {
        return;
    }
    let mut length = head_size;
    for (count, stride) in
        [(batch, layout.batch_stride), (sequence, layout.sequence_stride), (heads, layout.head_stride)]
    {
        length = product(&[count - 1, stride]).checked_add(length).unwrap();
    }
    let positions = product(&[batch - 1, layout.position_stride]).checked_add(sequence).unwrap();
    let table_length = product(&[arguments.table_rows as usize, rotary_size / 2]);
    rotary_embedding::rotary_embedding(
        slice_mut(arguments.output as usize, length),
        slice(arguments.input as usize, length),
        slice(arguments.cosine as usize, table_length),
        slice(arguments.sine as usize, table_length),
        optional_slice(arguments.position_ids as usize, positions),
        layout,
        rotary_size,
        arguments.interleaved != 0,
        arguments.inverse != 0,
    )
    .unwrap();
}

/// cosine, sine `[rows, pairs]` of position · frequency, times the attention factor; frequencies: float64 `[pairs]`; the
/// positions: int32 `[rows]`, or `first_position` and those that follow.
#[wasm_bindgen]
pub fn rotary_tables(
    cosine: usize,
    sine: usize,
    frequencies: usize,
    optional_position_ids: usize,
    rows: usize,
    pairs: usize,
    first_position: usize,
    attention_factor: f64,
) {
    let length = product(&[rows, pairs]);
    rotary_embedding::rotary_tables(
        slice_mut(cosine, length),
        slice_mut(sine, length),
        slice(frequencies, pairs),
        optional_slice(optional_position_ids, rows),
        first_position,
        attention_factor,
    );
}
