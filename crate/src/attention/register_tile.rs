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

use super::layout::{Keys, Values};
use super::matrix::Matrix;
use crate::simd::{F32x4, LANES, unrolled};
use crate::tiles::{BLOCK_PANELS, KEY_BLOCK, KEY_STRIP, NARROW_TILE, PANEL, TILE};
use core::array::from_fn;
use core::ops::Range;

/// Vectors of a whole panel.
const WIDE: usize = PANEL / LANES;

/// `scores[j][c] = Σ_d keys[j][d] · panel[d][c]` for all keys; `maximum[c]` becomes the larger of itself and column c (NaN
/// is passed over). There are as many columns as maxima: 8 or 4.
pub fn scores(scores: &mut [f32], maximum: &mut [f32], keys: Keys<'_>, panel: &[f32]) {
    let columns = maximum.len();
    assert!(scores.len() >= keys.count() * columns && panel.len() >= keys.head_size() * columns);
    let (scores, maximum, panel) = (scores.as_mut_ptr(), maximum.as_mut_ptr(), panel.as_ptr());
    // SAFETY: the assertion covers the panel and the scores, the match the maxima. `scores` and `maximum` are exclusive
    // borrows.
    unsafe {
        match columns {
            PANEL => tiled_scores::<TILE, TILE, WIDE>(scores, maximum, keys, panel),
            LANES => tiled_scores::<NARROW_TILE, KEY_STRIP, 1>(scores, maximum, keys, panel),
            _ => panic!(),
        }
    }
}

/// `scores` with tiles of `ROW_TILE` keys in rows, `STRIP_TILE` in strips, for `VECTORS` vectors of columns.
///
/// # Safety
/// Valid for reading: a step of the panel for each element of a key. Valid for writing: a step of scores for each key, one
/// of maxima. The written memory overlaps nothing.
unsafe fn tiled_scores<const ROW_TILE: usize, const STRIP_TILE: usize, const VECTORS: usize>(
    scores: *mut f32,
    maximum: *mut f32,
    keys: Keys<'_>,
    panel: *const f32,
) {
    let (count, depth) = (keys.count(), keys.head_size());
    let mut j = 0;
    while j < count {
        // SAFETY: a tile's keys are at most those that are left, in strips also those of one strip; they lie in `keys`. The
        // rest is the contract.
        unsafe {
            let scores = scores.add(j * VECTORS * LANES);
            j += match keys {
                Keys::Rows(matrix) => {
                    let stride = matrix.row_stride();
                    let keys = matrix.elements().as_ptr().add(j * stride);
                    tile::<ROW_TILE, VECTORS, false>(scores, maximum, keys, panel, stride, depth, count - j)
                }
                Keys::Strips(strips) => {
                    // Keys without elements have no memory: hence wrapping.
                    let keys = strips.as_ptr().wrapping_add(strips.place(j));
                    let rest = strips.rest_of_strip(j).min(count - j);
                    tile::<STRIP_TILE, VECTORS, true>(scores, maximum, keys, panel, 1, depth, rest)
                }
            };
        }
    }
}

/// The largest tile for `rest` keys; returns how many it takes.
///
/// # Safety
/// As for `scores_tile`, with as many keys as are returned.
#[inline(always)]
unsafe fn tile<const TILE: usize, const VECTORS: usize, const STRIPS: bool>(
    scores: *mut f32,
    maximum: *mut f32,
    keys: *const f32,
    panel: *const f32,
    stride: usize,
    depth: usize,
    rest: usize,
) -> usize {
    // SAFETY: the contract.
    unsafe {
        match rest {
            rest if rest >= TILE => scores_tile::<TILE, VECTORS, STRIPS>(scores, maximum, keys, panel, stride, depth),
            4.. => scores_tile::<4, VECTORS, STRIPS>(scores, maximum, keys, panel, stride, depth),
            2.. => scores_tile::<2, VECTORS, STRIPS>(scores, maximum, keys, panel, stride, depth),
            _ => scores_tile::<1, VECTORS, STRIPS>(scores, maximum, keys, panel, stride, depth),
        }
    }
}

/// The scores of `ROWS` keys; returns `ROWS`.
///
/// # Safety
/// Valid for reading: `depth` elements of each of the keys at `keys + row · stride`, one after the other, or, in `STRIPS`, at
/// a distance of `KEY_STRIP`; `depth` steps of the panel. Valid for writing: a step at `scores` for each key, one at
/// `maximum`. The written memory overlaps nothing.
#[inline(never)]
unsafe fn scores_tile<const ROWS: usize, const VECTORS: usize, const STRIPS: bool>(
    scores: *mut f32,
    maximum: *mut f32,
    keys: *const f32,
    panel: *const f32,
    stride: usize,
    depth: usize,
) -> usize {
    // SAFETY: the pointers step over exactly what the contract says is valid. In strips the last step may pass the end of
    // the allocation, where nothing is read: hence wrapping.
    unsafe {
        let mut sums = [[F32x4::zero(); VECTORS]; ROWS];
        let mut strip = keys;
        let first = keys;
        let mut keys = [first; ROWS];
        unrolled::<ROWS>(|row| keys[row] = first.wrapping_add(row * stride));
        let mut panel = panel;
        let mut remaining = depth;
        while remaining != 0 {
            let queries: [F32x4; VECTORS] = from_fn(|v| F32x4::load_pointer(panel.add(v * LANES)));
            unrolled::<ROWS>(|row| {
                let element = F32x4::splat_pointer(if STRIPS { strip.add(row) } else { keys[row] });
                for (sum, query) in sums[row].iter_mut().zip(queries) {
                    *sum = element.mul_add(query, *sum);
                }
                if !STRIPS {
                    keys[row] = keys[row].add(1);
                }
            });
            strip = strip.wrapping_add(if STRIPS { KEY_STRIP } else { 0 });
            panel = panel.add(VECTORS * LANES);
            remaining -= 1;
        }
        let scores = scores.cast::<[[[f32; LANES]; VECTORS]; ROWS]>();
        let mut largest: [F32x4; VECTORS] = from_fn(|v| F32x4::load_pointer(maximum.add(v * LANES)));
        unrolled::<ROWS>(|row| {
            for (v, sum) in sums[row].iter().enumerate() {
                sum.store_pointer((&raw mut (*scores)[row][v]).cast());
                largest[v] = largest[v].pseudo_max(*sum);
            }
        });
        for (v, largest) in largest.iter().enumerate() {
            largest.store_pointer(maximum.add(v * LANES));
        }
    }
    ROWS
}

/// `accumulators[d][c] += Σ_j values[j][d] · weights[j][c]` for all rows and columns of `values`, of which there is at
/// least one; when it is the first, the sums replace what is there. `columns`, of weights and accumulators, is 8 or 4.
pub fn accumulate(accumulators: &mut [f32], values: Values<'_>, weights: &[f32], columns: usize, is_first: bool) {
    assert!(accumulators.len() >= values.head_size() * columns && weights.len() >= values.count() * columns);
    assert!(values.count() != 0);
    for (held, strip) in values.by_columns() {
        let accumulators = accumulators[held.start * columns..].as_mut_ptr();
        // SAFETY: the strip holds as many rows as there are steps of weights; the assertions cover weights and the
        // accumulators of its columns, which are an exclusive borrow.
        unsafe {
            match columns {
                PANEL => tiled_sums::<TILE, WIDE>(accumulators, strip, weights.as_ptr(), is_first),
                LANES => tiled_sums::<NARROW_TILE, 1>(accumulators, strip, weights.as_ptr(), is_first),
                _ => panic!(),
            }
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
    values: Matrix<'_>,
    weights: *const f32,
    is_first: bool,
) {
    let (stride, count, columns) = (values.row_stride(), values.row_count(), values.columns());
    let mut d = 0;
    while d < columns {
        // SAFETY: d plus the tile's columns is at most `columns`; the rest is the contract.
        unsafe {
            let values = values.elements().as_ptr().add(d);
            let sums = accumulators.add(d * VECTORS * LANES);
            d += match columns - d {
                rest if rest >= TILE => values_tile::<TILE, VECTORS>(sums, values, weights, stride, count, is_first),
                4.. => values_tile::<4, VECTORS>(sums, values, weights, stride, count, is_first),
                2.. => values_tile::<2, VECTORS>(sums, values, weights, stride, count, is_first),
                _ => values_tile::<1, VECTORS>(sums, values, weights, stride, count, is_first),
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
    accumulators: *mut f32,
    values: *const f32,
    weights: *const f32,
    stride: usize,
    count: usize,
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
            unrolled::<COLUMNS>(|column| {
                let value = F32x4::splat_pointer(values.add(column));
                for (sum, weight) in sums[column].iter_mut().zip(row_weights) {
                    *sum = value.mul_add(weight, *sum);
                }
            });
            values = values.wrapping_add(stride);
            weights = weights.add(VECTORS * LANES);
            remaining -= 1;
        }
        let accumulators = accumulators.cast::<[[[f32; LANES]; VECTORS]; COLUMNS]>();
        // The block's sum is added as a whole: a running sum over all keys would gather more rounding errors.
        if !is_first {
            unrolled::<COLUMNS>(|column| {
                for (v, sum) in sums[column].iter_mut().enumerate() {
                    *sum = *sum + F32x4::load_pointer((&raw const (*accumulators)[column][v]).cast());
                }
            });
        }
        unrolled::<COLUMNS>(|column| {
            for (v, sum) in sums[column].iter().enumerate() {
                sum.store_pointer((&raw mut (*accumulators)[column][v]).cast());
            }
        });
    }
    COLUMNS
}

/// `sums[j][d] += Σ_p Σ_q weights[p][j][q] · columns[d / 8][8 p + q][d % 8]` over `panels`, for `keys` = `TILE` or 1 keys j: the
/// rows of `sums`, `[keys][width]`, a width of whole vectors of 8. `weights` begins with the first key and panel; in a panel
/// keys follow each other, and panels stand a block of keys apart. `columns` is `[width / 8][64][8]`.
pub fn add_products(
    sums: &mut [f32],
    weights: &[f32],
    columns: &[f32],
    keys: usize,
    panels: &Range<usize>,
    width: usize,
) {
    let count = panels.len();
    assert!(count != 0 && panels.end <= BLOCK_PANELS && width.is_multiple_of(PANEL));
    assert!(sums.len() >= keys * width && columns.len() >= width * BLOCK_PANELS * PANEL);
    assert!(weights.len() >= (count - 1) * PANEL_STRIDE + keys * PANEL);
    for d in (0..width).step_by(PANEL) {
        // SAFETY: the assertions cover the weights, the columns from the first panel on, and the sums, an exclusive borrow.
        unsafe {
            let sums = sums.as_mut_ptr().add(d);
            let columns = columns.as_ptr().add((d * BLOCK_PANELS + panels.start * PANEL) * PANEL);
            let weights = weights.as_ptr();
            match keys {
                keys if keys == TILE => products_tile::<TILE>(sums, weights, columns, width, count),
                1 => products_tile::<1>(sums, weights, columns, width, count),
                _ => panic!(),
            }
        }
    }
}

/// Distance from one panel's weights to the next's.
const PANEL_STRIDE: usize = KEY_BLOCK * PANEL;

/// `add_products` for one panel of columns.
///
/// # Safety
/// Valid for reading: of each of `count` panels 8 weights for each of `ROWS` keys, and 8 steps of columns. Valid for reading and
/// writing: a step at each of `ROWS` rows `sums + row · width`, overlapping nothing.
#[inline(never)]
unsafe fn products_tile<const ROWS: usize>(
    sums: *mut f32,
    weights: *const f32,
    columns: *const f32,
    width: usize,
    count: usize,
) {
    // SAFETY: the pointers step over exactly what the contract says is valid. The weights' last step may pass the end of their
    // allocation, where nothing is read: hence wrapping.
    unsafe {
        let mut products = [[F32x4::zero(); WIDE]; ROWS];
        let (mut weights, mut columns) = (weights, columns);
        let mut remaining = count;
        while remaining != 0 {
            for q in 0..PANEL {
                let column: [F32x4; WIDE] = from_fn(|v| F32x4::load_pointer(columns.add(q * PANEL + v * LANES)));
                for (row, products) in products.iter_mut().enumerate() {
                    let weight = F32x4::splat_pointer(weights.add(row * PANEL + q));
                    for (product, column) in products.iter_mut().zip(column) {
                        *product = weight.mul_add(column, *product);
                    }
                }
            }
            columns = columns.add(PANEL * PANEL);
            weights = weights.wrapping_add(PANEL_STRIDE);
            remaining -= 1;
        }
        // The block's sum is added as a whole.
        for (row, products) in products.iter().enumerate() {
            for (v, product) in products.iter().enumerate() {
                let sum = sums.add(row * width + v * LANES);
                (F32x4::load_pointer(sum) + *product).store_pointer(sum);
            }
        }
    }
}
