//! The two products for a single query row, as in generating text token by token.
//!
//! ```text
//! scores[j]       = Σ_d keys[j][d] · query[d]
//! accumulator[d] += Σ_j weights[j] · values[j][d]
//! ```
//!
//! Each sum is one chain in the order of d, or of j, as the register tiles have it: a row has the same bits alone and in a
//! panel. So four keys side by side are transposed in registers, and a vector then holds one element of four keys.
//!
//! Every key and value is read once, so the memory is the limit, and one stream of reads doesn't keep it busy: the keys
//! are cut into runs of equal length that are walked together. The chains over the keys allow no such runs.

#![allow(unsafe_code)]
// Loops over streams are unrolled when they count; iterators over several arrays are not.
#![allow(clippy::needless_range_loop)]

use super::register_tile::Rows;
use crate::simd::{F32x4, LANES};
use core::array::from_fn;

/// Runs of keys that are read side by side, four keys of each.
const STREAMS: usize = 4;

/// Vectors of columns whose sums stay in registers.
const COLUMN_VECTORS: usize = 12;

/// Keys whose values are walked by one group of columns after the other: they stay in the L1 cache.
const CACHED_KEYS: usize = 16;

/// Columns up to which that pays; beyond, every key's values are added to sums in memory.
const CACHED_COLUMNS: usize = 80;

/// `scores[j]` for all rows of `keys`; `query` holds at least their size.
#[inline(never)]
pub fn scores(scores: &mut [f32], keys: Rows<'_>, query: &[f32]) {
    let (count, stride, depth) = (keys.count(), keys.stride(), keys.size());
    assert!(scores.len() == count && query.len() >= depth);
    let run = count / (STREAMS * LANES) * LANES;
    let first = keys.as_ptr();
    let query = query.as_ptr();
    let offsets = from_fn(|row| row * stride);
    // SAFETY: `Rows` holds `count` rows of `depth` elements: row p · run + step + 3 exists for p < STREAMS and a step
    // before the end of a run, as do the rows from STREAMS · run on; the query is as long. A pointer may step past its
    // allocation after the last row, where it is not read: hence wrapping.
    unsafe {
        let mut rows: [*const f32; STREAMS] = from_fn(|p| first.wrapping_add(p * run * stride));
        for step in (0..run).step_by(LANES) {
            let sums = products(rows, offsets, query, depth);
            for p in 0..STREAMS {
                sums[p].store(&mut scores[p * run + step..]);
                rows[p] = rows[p].wrapping_add(LANES * stride);
            }
        }
        for start in (STREAMS * run..count).step_by(LANES) {
            // Of the last keys, the very last stands in for those that are not there.
            let offsets = from_fn(|row| row.min(count - 1 - start) * stride);
            let [sums] = products([first.add(start * stride)], offsets, query, depth);
            sums.store_partial(&mut scores[start..]);
        }
    }
}

/// The products of the query with four keys at each of `rows`, at a distance of `offsets`.
///
/// # Safety
/// Valid for reading: `depth` elements at each of the keys and at `query`.
#[inline(always)]
unsafe fn products<const ROWS: usize>(
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

/// `accumulator[d] += Σ_j weights[j] · values[j][d]` for all rows of `values`, each sum going on from what is there.
#[inline(never)]
pub fn accumulate(accumulator: &mut [f32], values: Rows<'_>, weights: &[f32]) {
    let (count, stride, width) = (values.count(), values.stride(), values.size());
    assert!(accumulator.len() >= width && weights.len() >= count);
    let keys = if width <= CACHED_COLUMNS { CACHED_KEYS } else { 1 };
    let sums = accumulator.as_mut_ptr();
    for start in (0..count).step_by(keys) {
        let keys = keys.min(count - start);
        // SAFETY: `Rows` holds `count` rows of `width` elements, of which these keys are some; there are as many weights;
        // the accumulator has `width` elements and is an exclusive borrow.
        unsafe {
            let values = values.as_ptr().add(start * stride);
            let weights = weights.as_ptr().add(start);
            let mut d = 0;
            while d + COLUMN_VECTORS * LANES <= width {
                add_columns::<COLUMN_VECTORS>(sums.add(d), values.add(d), stride, weights, keys);
                d += COLUMN_VECTORS * LANES;
            }
            while d + LANES <= width {
                add_columns::<1>(sums.add(d), values.add(d), stride, weights, keys);
                d += LANES;
            }
            for d in d..width {
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

/// `sums[d] += Σ_j weights[j] · values[j · stride + d]` for so many vectors of columns.
///
/// # Safety
/// Valid for reading: the columns at each of `keys` rows of values, as many weights. Valid for reading and writing: the
/// columns at `sums`, overlapping nothing.
#[inline(always)]
unsafe fn add_columns<const VECTORS: usize>(
    sums: *mut f32,
    mut values: *const f32,
    stride: usize,
    mut weights: *const f32,
    keys: usize,
) {
    // SAFETY: the pointers step over exactly what the contract says is valid. `values` may step past its allocation after
    // the last row, where it is not read: hence wrapping.
    unsafe {
        let mut totals: [F32x4; VECTORS] = from_fn(|v| F32x4::load_pointer(sums.add(v * LANES)));
        let mut remaining = keys;
        while remaining != 0 {
            let weight = F32x4::splat_pointer(weights);
            for v in 0..VECTORS {
                totals[v] = F32x4::load_pointer(values.add(v * LANES)).mul_add(weight, totals[v]);
            }
            values = values.wrapping_add(stride);
            weights = weights.add(1);
            remaining -= 1;
        }
        for v in 0..VECTORS {
            totals[v].store_pointer(sums.add(v * LANES));
        }
    }
}
