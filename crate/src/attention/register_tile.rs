//! The two products of attention, on registers: a few rows × the columns of a panel.
//!
//! ```text
//! scores[j][c]       = Σ_d keys[j][d] · panel[d][c]            j over keys, c over the panel's queries
//! accumulator[d][c] += Σ_j values[j][d] · weights[j][c]
//! ```
//!
//! Both have the same inner step: the vectors of the panel, then for each row of the tile one scalar spread over a vector
//! and one multiply-add a vector. Rows that don't fill a whole tile are done by smaller ones, with the same order of
//! summation. `tiles` says how large the tiles are and why.
//!
//! Each tile is a function that is never inlined, with stepping pointers and a loop that counts down: engines compile
//! that form best, and a long outer function would stay in their baseline compiler. The loops over a tile's rows and
//! vectors are unrolled when it is compiled.

#![allow(unsafe_code)]

use crate::simd::{F32x4, LANES};
use crate::tiles::{NARROW_TILE, PANEL, TILE};
use core::array::from_fn;
use core::ops::Range;

/// `count` rows of `size` elements at a distance of `stride` elements.
#[derive(Clone, Copy)]
pub struct Rows<'a> {
    elements: &'a [f32],
    stride: usize,
    count: usize,
    size: usize,
}

impl<'a> Rows<'a> {
    /// Panics unless every row lies inside `elements`.
    pub fn new(elements: &'a [f32], stride: usize, count: usize, size: usize) -> Self {
        assert!(count == 0 || (count - 1) * stride + size <= elements.len());
        Self { elements, stride, count, size }
    }

    /// Some of them.
    pub fn part(&self, rows: &Range<usize>) -> Self {
        assert!(rows.start <= rows.end && rows.end <= self.count);
        let first = if rows.is_empty() { 0 } else { rows.start * self.stride };
        Self { elements: &self.elements[first..], count: rows.len(), ..*self }
    }

    /// Row `j`.
    pub fn row(&self, j: usize) -> &'a [f32] {
        assert!(j < self.count);
        &self.elements[j * self.stride..][..self.size]
    }

    /// Whether no element is NaN or infinite.
    pub fn all_finite(&self) -> bool {
        // Without an early end inside a row its loop is vectorised.
        (0..self.count).all(|j| self.row(j).iter().fold(true, |finite, x| finite & x.is_finite()))
    }

    /// How many.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Elements of each.
    pub fn size(&self) -> usize {
        self.size
    }

    /// From one to the next.
    pub fn stride(&self) -> usize {
        self.stride
    }

    /// Where the first begins.
    pub fn as_ptr(&self) -> *const f32 {
        self.elements.as_ptr()
    }
}

/// Vectors of a whole panel.
const WIDE: usize = PANEL / LANES;

/// `scores[j][c] = Σ_d keys[j][d] · panel[d][c]` for all rows of `keys`; `maximum[c]` becomes the larger of itself and
/// column c (NaN is passed over). There are as many columns as maxima: 8 or 4.
pub fn scores(scores: &mut [f32], maximum: &mut [f32], keys: Rows<'_>, panel: &[f32]) {
    let columns = maximum.len();
    assert!(scores.len() >= keys.count * columns && panel.len() >= keys.size * columns);
    // SAFETY: `Rows` holds `count` rows of `size` elements; the assertion covers the panel and the scores, the match the
    // maxima. `scores` and `maximum` are exclusive borrows.
    unsafe {
        match columns {
            PANEL => tiled_scores::<TILE, WIDE>(scores.as_mut_ptr(), maximum.as_mut_ptr(), keys, panel.as_ptr()),
            LANES => tiled_scores::<NARROW_TILE, 1>(scores.as_mut_ptr(), maximum.as_mut_ptr(), keys, panel.as_ptr()),
            _ => panic!(),
        }
    }
}

/// `scores` with tiles of `TILE` rows for `VECTORS` vectors of columns.
///
/// # Safety
/// Valid for reading: a step of the panel for each element of a row. Valid for writing: a step of scores for each row, one
/// of maxima. The written memory overlaps nothing.
unsafe fn tiled_scores<const TILE: usize, const VECTORS: usize>(
    scores: *mut f32,
    maximum: *mut f32,
    keys: Rows<'_>,
    panel: *const f32,
) {
    let Rows { elements, stride, count, size: depth } = keys;
    let mut j = 0;
    while j < count {
        // SAFETY: j plus the tile's rows is at most `count`; the rest is the contract.
        unsafe {
            let keys = elements.as_ptr().add(j * stride);
            let scores = scores.add(j * VECTORS * LANES);
            j += match count - j {
                rest if rest >= TILE => scores_tile::<TILE, VECTORS>(keys, stride, panel, depth, scores, maximum),
                4.. => scores_tile::<4, VECTORS>(keys, stride, panel, depth, scores, maximum),
                2.. => scores_tile::<2, VECTORS>(keys, stride, panel, depth, scores, maximum),
                _ => scores_tile::<1, VECTORS>(keys, stride, panel, depth, scores, maximum),
            };
        }
    }
}

/// The scores of `ROWS` keys; returns `ROWS`.
///
/// # Safety
/// Valid for reading: `depth` elements at each of the rows `keys + row · stride`, `depth` steps of the panel. Valid for
/// writing: a step at `scores` for each row, one at `maximum`. The written memory overlaps nothing.
#[inline(never)]
unsafe fn scores_tile<const ROWS: usize, const VECTORS: usize>(
    keys: *const f32,
    stride: usize,
    panel: *const f32,
    depth: usize,
    scores: *mut f32,
    maximum: *mut f32,
) -> usize {
    // SAFETY: the pointers step over exactly what the contract says is valid.
    unsafe {
        let mut sums = [[F32x4::zero(); VECTORS]; ROWS];
        let mut keys: [*const f32; ROWS] = from_fn(|row| keys.add(row * stride));
        let mut panel = panel;
        let mut remaining = depth;
        while remaining != 0 {
            let queries: [F32x4; VECTORS] = from_fn(|v| F32x4::load_pointer(panel.add(v * LANES)));
            for (key, sums) in keys.iter_mut().zip(&mut sums) {
                let element = F32x4::splat_pointer(*key);
                for (sum, query) in sums.iter_mut().zip(queries) {
                    *sum = element.mul_add(query, *sum);
                }
                *key = key.add(1);
            }
            panel = panel.add(VECTORS * LANES);
            remaining -= 1;
        }
        let scores = scores.cast::<[[[f32; LANES]; VECTORS]; ROWS]>();
        let mut largest: [F32x4; VECTORS] = from_fn(|v| F32x4::load_pointer(maximum.add(v * LANES)));
        for (row, sums) in sums.iter().enumerate() {
            for (v, sum) in sums.iter().enumerate() {
                sum.store_pointer((&raw mut (*scores)[row][v]).cast());
                largest[v] = largest[v].pseudo_max(*sum);
            }
        }
        for (v, largest) in largest.iter().enumerate() {
            largest.store_pointer(maximum.add(v * LANES));
        }
    }
    ROWS
}

/// `accumulators[d][c] += Σ_j values[j][d] · weights[j][c]` for all rows and columns of `values`, of which there is at
/// least one; when it is the first, the sums replace what is there. `columns`, of weights and accumulators, is 8 or 4.
pub fn accumulate(accumulators: &mut [f32], values: Rows<'_>, weights: &[f32], columns: usize, is_first: bool) {
    assert!(accumulators.len() >= values.size * columns && weights.len() >= values.count * columns);
    assert!(values.count != 0);
    // SAFETY: `Rows` holds `count` rows of `size` elements; the assertion covers weights and accumulators, which are an
    // exclusive borrow.
    unsafe {
        match columns {
            PANEL => tiled_sums::<TILE, WIDE>(accumulators.as_mut_ptr(), values, weights.as_ptr(), is_first),
            LANES => tiled_sums::<NARROW_TILE, 1>(accumulators.as_mut_ptr(), values, weights.as_ptr(), is_first),
            _ => panic!(),
        }
    }
}

/// `accumulate` with tiles of `TILE` columns of values for `VECTORS` vectors of weights.
///
/// # Safety
/// Valid for reading: a step of weights for each row. Valid for reading and writing: a step of accumulators for each
/// column of values, overlapping nothing.
unsafe fn tiled_sums<const TILE: usize, const VECTORS: usize>(
    accumulators: *mut f32,
    values: Rows<'_>,
    weights: *const f32,
    is_first: bool,
) {
    let Rows { elements, stride, count, size: width } = values;
    let mut d = 0;
    while d < width {
        // SAFETY: d plus the tile's columns is at most `width`; the rest is the contract.
        unsafe {
            let values = elements.as_ptr().add(d);
            let sums = accumulators.add(d * VECTORS * LANES);
            d += match width - d {
                rest if rest >= TILE => values_tile::<TILE, VECTORS>(values, stride, weights, count, sums, is_first),
                4.. => values_tile::<4, VECTORS>(values, stride, weights, count, sums, is_first),
                2.. => values_tile::<2, VECTORS>(values, stride, weights, count, sums, is_first),
                _ => values_tile::<1, VECTORS>(values, stride, weights, count, sums, is_first),
            };
        }
    }
}

/// The sums of `COLUMNS` columns of values; returns `COLUMNS`.
///
/// # Safety
/// Valid for reading: the tile's columns at each of `count` rows `values + j · stride`, `count` steps of weights. Valid for
/// reading and writing: a step at `accumulators` for each column, overlapping nothing.
#[inline(never)]
unsafe fn values_tile<const COLUMNS: usize, const VECTORS: usize>(
    values: *const f32,
    stride: usize,
    weights: *const f32,
    count: usize,
    accumulators: *mut f32,
    is_first: bool,
) -> usize {
    // SAFETY: the pointers step over exactly what the contract says is valid. `values` may step past its allocation after
    // the last row, where it is not read: hence wrapping.
    unsafe {
        let mut sums = [[F32x4::zero(); VECTORS]; COLUMNS];
        let mut values = values;
        let mut weights = weights;
        let mut remaining = count;
        while remaining != 0 {
            let row_weights: [F32x4; VECTORS] = from_fn(|v| F32x4::load_pointer(weights.add(v * LANES)));
            for (column, sums) in sums.iter_mut().enumerate() {
                let value = F32x4::splat_pointer(values.add(column));
                for (sum, weight) in sums.iter_mut().zip(row_weights) {
                    *sum = value.mul_add(weight, *sum);
                }
            }
            values = values.wrapping_add(stride);
            weights = weights.add(VECTORS * LANES);
            remaining -= 1;
        }
        let accumulators = accumulators.cast::<[[[f32; LANES]; VECTORS]; COLUMNS]>();
        // The block's sum is added as a whole: a running sum over all keys would gather more rounding errors.
        if !is_first {
            for (column, sums) in sums.iter_mut().enumerate() {
                for (v, sum) in sums.iter_mut().enumerate() {
                    *sum = *sum + F32x4::load_pointer((&raw const (*accumulators)[column][v]).cast());
                }
            }
        }
        for (column, sums) in sums.iter().enumerate() {
            for (v, sum) in sums.iter().enumerate() {
                sum.store_pointer((&raw mut (*accumulators)[column][v]).cast());
            }
        }
    }
    COLUMNS
}
