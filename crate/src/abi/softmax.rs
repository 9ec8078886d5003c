//! The exports of softmax.

use super::Status;
use super::numbers::OVERFLOW;
use super::slices::{product, slice, slice_mut, status};
use crate::softmax;
use wasm_bindgen::prelude::wasm_bindgen;

/// Elements of scratch memory that `softmax` needs; `OVERFLOW` when that overflows. For 0, any pointer will do.
#[wasm_bindgen]
pub fn softmax_scratch_length(length: usize, inner: usize) -> usize {
    softmax::scratch_length(length, inner).unwrap_or(OVERFLOW as usize)
}

/// Softmax along the axis in the middle of `[outer, length, inner]`.
#[wasm_bindgen]
pub fn softmax(output: usize, input: usize, scratch: usize, outer: usize, length: usize, inner: usize) -> u32 {
    let run = || {
        let count = product(&[outer, length, inner])?;
        let scratch_length = softmax::scratch_length(length, inner).ok_or(Status::InvalidArgument)?;
        let scratch = if scratch_length == 0 { &mut [] } else { slice_mut(scratch, scratch_length)? };
        softmax::softmax(slice_mut(output, count)?, slice(input, count)?, scratch, outer, length, inner);
        Ok(())
    };
    status(run())
}
