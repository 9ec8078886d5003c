//! The two products for a single query row, as in generating text token by token.
//!
//! ```text
//! scores[j]       = Σ_d keys[j][d] · query[d]
//! accumulator[d] += Σ_j weights[j] · values[j][d]
//! ```
//!
//! Every key and value is read once, so the memory is the limit, and one stream of reads doesn't keep it busy: the keys
//! are cut into runs of equal length that are walked together, one key of each run at a time. A vector holds four
//! elements of one row: there are no query columns to fill it with.

#![allow(unsafe_code)]
// Loops over streams are unrolled when they count; iterators over several arrays are not.
#![allow(clippy::needless_range_loop)]

use super::register_tile::Rows;
use crate::simd::{F32x4, LANES};
use core::array::from_fn;

/// Runs of keys that are read side by side. (With 8 the row pointers no longer fit the registers: 52 in place of 58 GB/s
/// on AMD Zen 4.)
const STREAMS: usize = 4;

/// Elements of a row that a step takes: fewer steps, and two sums a row to hide the latency of an addition.
const STEP: usize = 2 * LANES;

/// `scores[j]` for all rows of `keys`; `query` holds at least their size.
pub fn scores(scores: &mut [f32], keys: Rows<'_>, query: &[f32]) {
    assert!(scores.len() == keys.count() && query.len() >= keys.size());
    if keys.size().is_multiple_of(STEP) {
        whole_scores::<false>(scores, keys, query);
    } else {
        whole_scores::<true>(scores, keys, query);
    }
}

/// `scores`, where the rows have a `TAIL` that doesn't fill a step or have none.
#[inline(never)]
fn whole_scores<const TAIL: bool>(scores: &mut [f32], keys: Rows<'_>, query: &[f32]) {
    let (count, stride, depth) = (keys.count(), keys.stride(), keys.size());
    let run = count / STREAMS;
    let first = keys.as_ptr();
    let query = query.as_ptr();
    // SAFETY: `Rows` holds `count` rows of `depth` elements: row p · run + step exists for p < STREAMS and step < run, as
    // do the rows from STREAMS · run on; the query is as long. A row pointer may step past its allocation after the last
    // row, where it is not read: hence wrapping.
    unsafe {
        let mut rows: [*const f32; STREAMS] = from_fn(|p| first.wrapping_add(p * run * stride));
        for step in 0..run {
            // The order of `F32x4::sum`.
            let [a, b, c, d] = F32x4::transpose(dot_products::<STREAMS, TAIL>(rows, query, depth));
            let sums = ((a + c) + (b + d)).to_array();
            for p in 0..STREAMS {
                scores[p * run + step] = sums[p];
                rows[p] = rows[p].wrapping_add(stride);
            }
        }
        for j in STREAMS * run..count {
            let [sums] = dot_products::<1, TAIL>([first.add(j * stride)], query, depth);
            scores[j] = sums.sum();
        }
    }
}

/// The products of the query with each of some rows; that of a row is the sum of its four lanes.
///
/// # Safety
/// Valid for reading: `depth` elements at each of `rows` and at `query`.
#[inline(always)]
unsafe fn dot_products<const ROWS: usize, const TAIL: bool>(
    mut rows: [*const f32; ROWS],
    mut query: *const f32,
    depth: usize,
) -> [F32x4; ROWS] {
    // SAFETY: the pointers step over exactly what the contract says is valid.
    unsafe {
        let mut low = [F32x4::zero(); ROWS];
        let mut high = [F32x4::zero(); ROWS];
        let mut remaining = depth / STEP;
        while remaining != 0 {
            let query_low = F32x4::load_pointer(query);
            let query_high = F32x4::load_pointer(query.add(LANES));
            for p in 0..ROWS {
                low[p] = F32x4::load_pointer(rows[p]).mul_add(query_low, low[p]);
                high[p] = F32x4::load_pointer(rows[p].add(LANES)).mul_add(query_high, high[p]);
                rows[p] = rows[p].add(STEP);
            }
            query = query.add(STEP);
            remaining -= 1;
        }
        if TAIL {
            for d in 0..depth % STEP {
                let element = |row: *const f32| F32x4::from_array([row.add(d).read(), 0.0, 0.0, 0.0]);
                let factor = element(query);
                for p in 0..ROWS {
                    low[p] = element(rows[p]).mul_add(factor, low[p]);
                }
            }
        }
        from_fn(|p| low[p] + high[p])
    }
}

/// `accumulator[d] += Σ_j weights[j] · values[j][d]` for all rows of `values`.
#[inline(never)]
pub fn accumulate(accumulator: &mut [f32], values: Rows<'_>, weights: &[f32]) {
    let (count, stride, width) = (values.count(), values.stride(), values.size());
    assert!(accumulator.len() >= width && weights.len() >= count);
    let run = count / STREAMS;
    let first = values.as_ptr();
    let accumulator = accumulator.as_mut_ptr();
    // SAFETY: as in `whole_scores`; the accumulator has `width` elements and is an exclusive borrow.
    unsafe {
        let mut rows: [*const f32; STREAMS] = from_fn(|p| first.wrapping_add(p * run * stride));
        for step in 0..run {
            let weights = from_fn(|p| F32x4::splat(weights[p * run + step]));
            add_weighted::<STREAMS>(accumulator, rows, weights, width);
            rows = rows.map(|row| row.wrapping_add(stride));
        }
        for j in STREAMS * run..count {
            add_weighted(accumulator, [first.add(j * stride)], [F32x4::splat(weights[j])], width);
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
        let mut remaining = width / STEP;
        while remaining != 0 {
            let mut low = F32x4::load_pointer(rows[0]) * weights[0];
            let mut high = F32x4::load_pointer(rows[0].add(LANES)) * weights[0];
            for p in 1..ROWS {
                low = F32x4::load_pointer(rows[p]).mul_add(weights[p], low);
                high = F32x4::load_pointer(rows[p].add(LANES)).mul_add(weights[p], high);
            }
            (F32x4::load_pointer(accumulator) + low).store_pointer(accumulator);
            let next = accumulator.add(LANES);
            (F32x4::load_pointer(next) + high).store_pointer(next);
            rows = rows.map(|row| row.add(STEP));
            accumulator = accumulator.add(STEP);
            remaining -= 1;
        }
        for d in 0..width % STEP {
            let mut sum = F32x4::splat_pointer(rows[0].add(d)) * weights[0];
            for p in 1..ROWS {
                sum = F32x4::splat_pointer(rows[p].add(d)).mul_add(weights[p], sum);
            }
            let accumulator = accumulator.add(d);
            accumulator.write(accumulator.read() + sum.to_array()[0]);
        }
    }
}
