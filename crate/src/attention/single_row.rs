//! The two products for a single query row, as in generating text token by token.
//!
//! ```text
//! scores[j]       = Σ_d keys[j][d] · query[d]
//! accumulator[d] += Σ_j weights[j] · values[j][d]
//! ```
//!
//! Each sum is one chain in the order of d, or of j, as the register tiles have it: a row has the same bits alone and in a
//! panel. A vector holds one element of four keys: as strips have them, or four keys of a tensor transposed in
//! registers, which takes eight shuffles for sixteen products.
//!
//! Every key and value is read once, so the memory is the limit, and one stream of reads doesn't keep it busy: the keys
//! are cut into runs of equal length that are walked together, far from each other. The chains over the keys allow no
//! such runs of values.

#![allow(unsafe_code)]
// Loops over streams are unrolled when they count; iterators over several arrays are not.
#![allow(clippy::needless_range_loop)]

use super::layout::{KeyStrips, Keys, Values};
use super::matrix::Matrix;
use crate::simd::{F32x4, FUSED, LANES, unrolled};
use crate::tiles::{KEY_STRIP, VALUE_STRIP};
use core::array::from_fn;

/// Runs of keys in rows that are read side by side, four keys of each. (Separate, where a product needs a register too, four
/// runs take 1.2 to 2.5 times as long as two.)
const ROW_STREAMS: usize = if FUSED { 4 } else { 2 };

/// Runs of keys in strips that are read side by side, a strip of each: nine sums.
const STRIP_STREAMS: usize = 3;

/// Vectors of a strip of keys.
const STRIP_VECTORS: usize = KEY_STRIP / LANES;

/// Vectors of columns whose sums stay in registers.
const COLUMN_VECTORS: usize = VALUE_STRIP / LANES;

/// Keys whose values are walked by one group of columns after the other: they stay in the L1 cache.
const CACHED_KEYS: usize = 16;

/// Columns up to which that pays; beyond, every key's values are added to sums in memory.
const CACHED_COLUMNS: usize = 80;

/// `scores[j]` for all keys; `query` holds at least their size. In strips the first key begins one.
pub fn scores(scores: &mut [f32], keys: Keys<'_>, query: &[f32]) {
    assert!(scores.len() == keys.count() && query.len() >= keys.head_size());
    match keys {
        Keys::Rows(matrix) => row_scores(scores, matrix, query),
        Keys::Strips(strips) => strip_scores(scores, strips, query),
    }
}

#[inline(never)]
fn row_scores(scores: &mut [f32], keys: Matrix<'_>, query: &[f32]) {
    const STREAMS: usize = ROW_STREAMS;
    let (count, stride, depth) = (keys.row_count(), keys.row_stride(), keys.columns());
    let run = count / (STREAMS * LANES) * LANES;
    let first = keys.elements().as_ptr();
    let query = query.as_ptr();
    let offsets = from_fn(|row| row * stride);
    // SAFETY: the matrix holds `count` rows of `depth` elements: row p · run + step + 3 exists for p < STREAMS and a step
    // before the end of a run, as do the rows from STREAMS · run on; the query is as long. A pointer may step past its
    // allocation after the last row, where it is not read: hence wrapping.
    unsafe {
        let mut rows: [*const f32; STREAMS] = from_fn(|p| first.wrapping_add(p * run * stride));
        for step in (0..run).step_by(LANES) {
            let sums = row_products(rows, offsets, query, depth);
            for p in 0..STREAMS {
                sums[p].store(&mut scores[p * run + step..]);
                rows[p] = rows[p].wrapping_add(LANES * stride);
            }
        }
        for start in (STREAMS * run..count).step_by(LANES) {
            // Of the last keys, the very last stands in for those that are not there.
            let offsets = from_fn(|row| row.min(count - 1 - start) * stride);
            let [sums] = row_products([first.add(start * stride)], offsets, query, depth);
            sums.store_partial(&mut scores[start..]);
        }
    }
}

#[inline(never)]
fn strip_scores(scores: &mut [f32], keys: KeyStrips<'_>, query: &[f32]) {
    const STREAMS: usize = STRIP_STREAMS;
    let (count, depth) = (keys.count(), keys.head_size());
    assert!(count == 0 || keys.rest_of_strip(0) == KEY_STRIP);
    let run = count / (STREAMS * KEY_STRIP);
    let strip = KEY_STRIP * depth;
    let first = keys.as_ptr().wrapping_add(keys.place(0));
    let query = query.as_ptr();
    // SAFETY: `KeyStrips` holds whole strips for `count` keys, of `depth` elements; the query is as long. A pointer may step
    // past its allocation after the last strip, where it is not read: hence wrapping.
    unsafe {
        let mut strips: [*const f32; STREAMS] = from_fn(|p| first.wrapping_add(p * run * strip));
        for step in 0..run {
            let sums = strip_products(strips, query, depth);
            for p in 0..STREAMS {
                for v in 0..STRIP_VECTORS {
                    sums[p][v].store(&mut scores[(p * run + step) * KEY_STRIP + v * LANES..]);
                }
                strips[p] = strips[p].wrapping_add(strip);
            }
        }
        for start in (STREAMS * run * KEY_STRIP..count).step_by(KEY_STRIP) {
            let [sums] = strip_products([first.add(start * depth)], query, depth);
            for (sums, scores) in sums.into_iter().zip(scores[start..].chunks_mut(LANES)) {
                sums.store_partial(scores);
            }
        }
    }
}

/// The products of the query with a whole strip at each of `strips`.
///
/// # Safety
/// Valid for reading: a strip of `depth` elements at each of them, `depth` elements at `query`.
#[inline(always)]
unsafe fn strip_products<const STRIPS: usize>(
    mut strips: [*const f32; STRIPS],
    mut query: *const f32,
    depth: usize,
) -> [[F32x4; STRIP_VECTORS]; STRIPS] {
    // SAFETY: the pointers step over exactly what the contract says is valid.
    unsafe {
        let mut sums = [[F32x4::zero(); STRIP_VECTORS]; STRIPS];
        let mut remaining = depth;
        while remaining != 0 {
            let factor = F32x4::splat_pointer(query);
            for p in 0..STRIPS {
                for v in 0..STRIP_VECTORS {
                    sums[p][v] = F32x4::load_pointer(strips[p].add(v * LANES)).mul_add(factor, sums[p][v]);
                }
                strips[p] = strips[p].add(KEY_STRIP);
            }
            query = query.add(1);
            remaining -= 1;
        }
        sums
    }
}

/// The products of the query with four keys at each of `rows`, at a distance of `offsets`.
///
/// # Safety
/// Valid for reading: `depth` elements at each of the keys and at `query`.
#[inline(always)]
unsafe fn row_products<const ROWS: usize>(
    mut rows: [*const f32; ROWS],
    offsets: [usize; LANES],
    mut query: *const f32,
    depth: usize,
) -> [F32x4; ROWS] {
    // SAFETY: the pointers step over exactly what the contract says is valid.
    unsafe {
        let mut sums = [F32x4::zero(); ROWS];
        let mut remaining = depth / LANES;
        while remaining != 0 {
            let factors: [F32x4; LANES] = from_fn(|d| F32x4::splat_pointer(query.add(d)));
            for p in 0..ROWS {
                let columns = F32x4::transpose(from_fn(|key| F32x4::load_pointer(rows[p].add(offsets[key]))));
                for d in 0..LANES {
                    sums[p] = columns[d].mul_add(factors[d], sums[p]);
                }
                rows[p] = rows[p].add(LANES);
            }
            query = query.add(LANES);
            remaining -= 1;
        }
        for d in 0..depth % LANES {
            let factor = F32x4::splat_pointer(query.add(d));
            for p in 0..ROWS {
                let column = F32x4::from_array(from_fn(|key| rows[p].add(offsets[key] + d).read()));
                sums[p] = column.mul_add(factor, sums[p]);
            }
        }
        sums
    }
}

/// `accumulator[d] += Σ_j weights[j] · values[j][d]` for all values, each sum going on from what is there.
pub fn accumulate(accumulator: &mut [f32], values: Values<'_>, weights: &[f32]) {
    assert!(accumulator.len() >= values.head_size() && weights.len() >= values.count());
    for (held, strip) in values.by_columns() {
        add_rows(&mut accumulator[held], strip, weights);
    }
}

#[inline(never)]
fn add_rows(sums: &mut [f32], values: Matrix<'_>, weights: &[f32]) {
    let (count, stride, columns) = (values.row_count(), values.row_stride(), values.columns());
    assert!(sums.len() == columns && weights.len() >= count);
    let keys = if columns <= VALUE_STRIP {
        count.max(1)
    } else if columns <= CACHED_COLUMNS {
        CACHED_KEYS
    } else {
        1
    };
    let sums = sums.as_mut_ptr();
    for start in (0..count).step_by(keys) {
        let keys = keys.min(count - start);
        // SAFETY: the matrix holds `count` rows of `columns` elements, of which these keys are some; the assertion covers
        // weights and sums, which are an exclusive borrow; d plus the columns of each call is at most `columns`.
        unsafe {
            let values = values.elements().as_ptr().add(start * stride);
            let weights = weights.as_ptr().add(start);
            let mut d = 0;
            while d + LANES <= columns {
                let (sums, values) = (sums.add(d), values.add(d));
                d += LANES
                    * match (columns - d) / LANES {
                        COLUMN_VECTORS.. => add_columns::<COLUMN_VECTORS>(sums, values, weights, stride, keys),
                        4.. => add_columns::<4>(sums, values, weights, stride, keys),
                        _ => add_columns::<1>(sums, values, weights, stride, keys),
                    };
            }
            for d in d..columns {
                let mut sum = F32x4::splat(sums.add(d).read());
                for j in 0..keys {
                    let value = F32x4::splat_pointer(values.add(j * stride + d));
                    sum = value.mul_add(F32x4::splat_pointer(weights.add(j)), sum);
                }
                sums.add(d).write(sum.to_array()[0]);
            }
        }
    }
}

/// `sums[d] += Σ_j weights[j] · values[j · stride + d]` for so many vectors of columns; returns their number.
///
/// # Safety
/// Valid for reading: the columns at each of `keys` rows of values, as many weights. Valid for reading and writing: the
/// columns at `sums`, overlapping nothing.
#[inline(always)]
unsafe fn add_columns<const VECTORS: usize>(
    sums: *mut f32,
    mut values: *const f32,
    mut weights: *const f32,
    stride: usize,
    keys: usize,
) -> usize {
    // SAFETY: the pointers step over exactly what the contract says is valid. `values` may step past its allocation after
    // the last row, where it is not read: hence wrapping.
    unsafe {
        let mut totals = [F32x4::zero(); VECTORS];
        unrolled::<VECTORS>(|v| totals[v] = F32x4::load_pointer(sums.add(v * LANES)));
        let mut remaining = keys;
        while remaining != 0 {
            let weight = F32x4::splat_pointer(weights);
            unrolled::<VECTORS>(|v| totals[v] = F32x4::load_pointer(values.add(v * LANES)).mul_add(weight, totals[v]));
            values = values.wrapping_add(stride);
            weights = weights.add(1);
            remaining -= 1;
        }
        unrolled::<VECTORS>(|v| totals[v].store_pointer(sums.add(v * LANES)));
    }
    VECTORS
}
