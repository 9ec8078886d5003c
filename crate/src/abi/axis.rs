//! What the exports that work along an axis share.

use super::Status;
use super::numbers::OVERFLOW;
use super::slices::{product, slice, slice_mut, status};
use crate::axis::{self, Row};
use wasm_bindgen::prelude::wasm_bindgen;

/// Elements of scratch memory for `arrays` of `[outer, length, inner]`, the output among them; `OVERFLOW` when that
/// overflows. For 0, any pointer will do.
#[wasm_bindgen]
pub fn axis_scratch_length(arrays: usize, length: usize, inner: usize) -> usize {
    axis::scratch_length(arrays, length, inner).unwrap_or(OVERFLOW as usize)
}

/// Computes the rows along the axis in the middle of `[outer, length, inner]`.
pub fn along_axis<const N: usize>(
    row: Row<N>,
    output: usize,
    inputs: [usize; N],
    scratch: usize,
    sizes: [usize; 3],
) -> u32 {
    let run = || {
        let [_, length, inner] = sizes;
        let count = product(&sizes)?;
        let mut rows = [&[][..]; N];
        for (input, pointer) in rows.iter_mut().zip(inputs) {
            *input = slice(pointer, count)?;
        }
        let scratch_length = axis::scratch_length(1 + N, length, inner).ok_or(Status::InvalidArgument)?;
        let scratch = if scratch_length == 0 { &mut [] } else { slice_mut(scratch, scratch_length)? };
        axis::along_axis(slice_mut(output, count)?, rows, scratch, sizes, row);
        Ok(())
    };
    status(run())
}
