//! The two products for a single query row, as in generating text token by token.
//!
//! ```text
//! scores[j]       = Σ_d keys[j][d] · query[d]
//! accumulator[d] += Σ_j weights[j] · values[j][d]
//! ```
//!
//! Every key and value is read once, so the memory is the limit, and one stream of reads doesn't keep it busy: the keys
//! are cut into 8 runs of equal length that are walked together, one key of each run at a time. A vector holds four
//! elements of one row: there are no query columns to fill it with.

#![allow(unsafe_code)]

use super::register_tile::Rows;
use crate::simd::{F32x4, LANES};
use core::array::from_fn;

/// Runs of keys that are read side by side.
const STREAMS: usize = 8;

/// `scores[j]` for all rows of `keys`; `query` holds at least their size.
#[inline(never)]
pub fn scores(scores: &mut [f32], keys: Rows<'_>, query: &[f32]) {
    let (count, stride, depth) = (keys.count(), keys.stride(), keys.size());
    assert!(scores.len() == count && query.len() >= depth);
    let run = count / STREAMS;
    // SAFETY: `Rows` holds `count` rows of `depth` elements: row p · run + step exists for p < STREAMS and step < run, as
    // do the rows from STREAMS · run on. There are as many scores as rows, and they are an exclusive borrow.
    unsafe {
        let first = keys.as_ptr();
        for step in 0..run {
            let rows = from_fn(|p| first.add((p * run + step) * stride));
            dot_products::<STREAMS>(scores.as_mut_ptr().add(step), run, rows, query.as_ptr(), depth);
        }
        for j in STREAMS * run..count {
            dot_products::<1>(scores.as_mut_ptr().add(j), 0, [first.add(j * stride)], query.as_ptr(), depth);
        }
    }
}

/// `scores[p · distance]` = the product of row p and the query.
///
/// # Safety
/// Valid for reading: `depth` elements at each of `rows` and at `query`. Valid for writing: one element at each of the
/// scores.
#[inline(always)]
unsafe fn dot_products<const ROWS: usize>(
    scores: *mut f32,
    distance: usize,
    mut rows: [*const f32; ROWS],
    mut query: *const f32,
    depth: usize,
) {
    // SAFETY: the pointers step over exactly what the contract says is valid.
    unsafe {
        let mut sums = [F32x4::zero(); ROWS];
        let mut remaining = depth / LANES;
        while remaining != 0 {
            let factor = F32x4::load_pointer(query);
            for p in 0..ROWS {
                sums[p] = F32x4::load_pointer(rows[p]).mul_add(factor, sums[p]);
                rows[p] = rows[p].add(LANES);
            }
            query = query.add(LANES);
            remaining -= 1;
        }
        let tail = depth % LANES;
        if tail != 0 {
            let factor = load_tail(query, tail);
            for p in 0..ROWS {
                sums[p] = load_tail(rows[p], tail).mul_add(factor, sums[p]);
            }
        }
        for p in 0..ROWS {
            scores.add(p * distance).write(sums[p].sum());
        }
    }
}

/// `accumulator[d] += Σ_j weights[j] · values[j][d]` for all rows of `values`.
#[inline(never)]
pub fn accumulate(accumulator: &mut [f32], values: Rows<'_>, weights: &[f32]) {
    let (count, stride, width) = (values.count(), values.stride(), values.size());
    assert!(accumulator.len() >= width && weights.len() >= count);
    let run = count / STREAMS;
    // SAFETY: as in `scores`; the accumulator has `width` elements and is an exclusive borrow.
    unsafe {
        let first = values.as_ptr();
        for step in 0..run {
            let rows = from_fn(|p| first.add((p * run + step) * stride));
            let weights = from_fn(|p| F32x4::splat(weights[p * run + step]));
            add_weighted::<STREAMS>(accumulator.as_mut_ptr(), rows, weights, width);
        }
        for j in STREAMS * run..count {
            let weights = [F32x4::splat(weights[j])];
            add_weighted::<1>(accumulator.as_mut_ptr(), [first.add(j * stride)], weights, width);
        }
    }
}

/// `accumulator[d] += Σ_p weights[p] · rows[p][d]`. The sum over p is added as a whole, so that fewer rounding errors
/// gather.
///
/// # Safety
/// Valid for reading: `width` elements at each of `rows`. Valid for reading and writing: as many at `accumulator`,
/// overlapping nothing.
#[inline(always)]
unsafe fn add_weighted<const ROWS: usize>(
    mut accumulator: *mut f32,
    mut rows: [*const f32; ROWS],
    weights: [F32x4; ROWS],
    width: usize,
) {
    // SAFETY: the pointers step over exactly what the contract says is valid.
    unsafe {
        let mut remaining = width / LANES;
        while remaining != 0 {
            let mut sum = F32x4::load_pointer(rows[0]) * weights[0];
            rows[0] = rows[0].add(LANES);
            for p in 1..ROWS {
                sum = F32x4::load_pointer(rows[p]).mul_add(weights[p], sum);
                rows[p] = rows[p].add(LANES);
            }
            (F32x4::load_pointer(accumulator) + sum).store_pointer(accumulator);
            accumulator = accumulator.add(LANES);
            remaining -= 1;
        }
        for d in 0..width % LANES {
            let mut sum = F32x4::splat_pointer(rows[0].add(d)) * weights[0];
            for p in 1..ROWS {
                sum = F32x4::splat_pointer(rows[p].add(d)).mul_add(weights[p], sum);
            }
            let accumulator = accumulator.add(d);
            accumulator.write(accumulator.read() + sum.to_array()[0]);
        }
    }
}

/// The last `count` < 4 elements of a row; the lanes beyond are 0.
///
/// # Safety
/// Valid for reading: `count` elements at `row`.
unsafe fn load_tail(row: *const f32, count: usize) -> F32x4 {
    // SAFETY: the contract.
    F32x4::from_array(from_fn(|lane| if lane < count { unsafe { row.add(lane).read() } } else { 0.0 }))
}
