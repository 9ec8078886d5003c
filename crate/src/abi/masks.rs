//! The exports for the masks of PyTorch's modules. A combined mask is `[batch, heads, rows, columns]`; it and the masks in it are
//! of the `MaskDtype` float32 or bool.

use super::numbers::MaskDtype;
use super::slices::{optional_slice, product, slice, slice_mut};
use crate::attention::arrays::Strides;
use crate::masks::{self, Combined, Mask, Sizes};
use wasm_bindgen::prelude::wasm_bindgen;

/// The combined mask of both exports.
#[inline(never)]
fn combined<'a>(pointer: usize, dtype: u32, sizes: &Sizes) -> Combined<'a> {
    let Sizes { batch, heads, rows, keys, columns } = *sizes;
    if keys > columns {
        panic!();
    }
    let length = product(&[batch, heads, rows, columns]);
    match MaskDtype::from_number(dtype) {
        Some(MaskDtype::Bool) => Combined::Boolean(slice_mut(pointer, length)),
        Some(MaskDtype::Float32) => Combined::Float(slice_mut(pointer, length)),
        _ => panic!(),
    }
}

/// Takes a mask, of which a row's `keys` are contiguous, into the combined one; strides of 0 repeat.
#[wasm_bindgen]
pub fn combine_mask(
    combined: usize,
    mask: usize,
    batch: usize,
    heads: usize,
    rows: usize,
    keys: usize,
    columns: usize,
    batch_stride: usize,
    head_stride: usize,
    row_stride: usize,
    combined_dtype: u32,
    mask_dtype: u32,
) {
    let sizes = Sizes { batch, heads, rows, keys, columns };
    let strides = Strides { batch: batch_stride, head: head_stride, row: row_stride };
    let mut combined = self::combined(combined, combined_dtype, &sizes);
    let mut length = if batch == 0 || heads == 0 || rows == 0 { 0 } else { keys };
    for (count, stride) in [(batch, batch_stride), (heads, head_stride), (rows, row_stride)] {
        let last = product(&[count.saturating_sub(1), stride]);
        length = length.checked_add(last).unwrap();
    }
    let mask = match (MaskDtype::from_number(mask_dtype), &combined) {
        (Some(MaskDtype::Bool), _) => Mask::Boolean(slice(mask, length)),
        (Some(MaskDtype::Float32), Combined::Float(_)) => Mask::Float(slice(mask, length)),
        _ => panic!(),
    };
    masks::combine_mask(&mut combined, mask, &strides, &sizes);
}

/// Hides keys in a combined mask: from the int32 key lengths `[batch]` on, and those after the query where `is_causal` is not 0.
#[wasm_bindgen]
pub fn hide_keys(
    combined: usize,
    optional_key_lengths: usize,
    batch: usize,
    heads: usize,
    rows: usize,
    keys: usize,
    columns: usize,
    combined_dtype: u32,
    is_causal: u32,
) {
    let sizes = Sizes { batch, heads, rows, keys, columns };
    let mut combined = self::combined(combined, combined_dtype, &sizes);
    masks::hide_keys(&mut combined, optional_slice(optional_key_lengths, batch), is_causal != 0, &sizes);
}
