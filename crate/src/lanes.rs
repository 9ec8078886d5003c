//! Vectors of a slice by the number of their first element, the last one shorter. What is computed stands once in a loop for all of
//! them, which keeps kernels small that compute much.

use crate::simd::{F32x4, LANES};

/// Elements from an index on; 0 beyond the end.
#[inline(always)]
pub fn load(slice: &[f32], index: usize) -> F32x4 {
    slice.get(index..index + LANES).map_or_else(|| load_last(slice, index), F32x4::load)
}

/// Writes elements from an index on, as many as there is room for.
#[inline(always)]
pub fn store(slice: &mut [f32], index: usize, values: F32x4) {
    match slice.get_mut(index..index + LANES) {
        Some(lanes) => values.store(lanes),
        None => store_last(slice, index, values),
    }
}

/// Writes every element: `value` gives those from an index on.
#[inline(always)]
pub fn fill(slice: &mut [f32], value: impl Fn(usize) -> F32x4) {
    let mut index = 0;
    while index < slice.len() {
        store(slice, index, value(index));
        index += LANES;
    }
}

#[cold]
#[inline(never)]
fn load_last(slice: &[f32], index: usize) -> F32x4 {
    F32x4::load_partial(slice.get(index..).unwrap_or(&[]), 0.0)
}

#[cold]
#[inline(never)]
fn store_last(slice: &mut [f32], index: usize, values: F32x4) {
    values.store_partial(slice.get_mut(index..).unwrap_or(&mut []));
}
