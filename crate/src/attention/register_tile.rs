//! The two products of attention, on registers: `TILE` rows × 8 query columns.
//!
//! ```text
//! scores[j][c]       = Σ_d keys[j][d] · panel[d][c]            j over keys, c over the panel's 8 queries
//! accumulator[d][c] += Σ_j values[j][d] · weights[j][c]
//! ```
//!
//! Both have the same inner step: two vectors of the panel, then for each row of the tile (`tiles::TILE`: 6 or 4) one
//! scalar spread over a vector and two multiply-adds. What remains is done by tiles of 4, 2 and 1 rows, with the same
//! order of summation.
//!
//! Each tile is a function that is never inlined, with stepping pointers and a loop that counts down: engines compile
//! that form best, and a long outer function would stay in their baseline compiler.

#![allow(unsafe_code)]

use crate::simd::F32x4;
use crate::tiles::{PANEL, TILE};

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

    /// Where the first begins; null-free even where there are none.
    pub fn as_ptr(&self) -> *const f32 {
        self.elements.as_ptr()
    }
}

macro_rules! scores_tile {
    ($name:ident: $($key:ident $low:ident $high:ident $row:literal),+) => {
        /// # Safety
        /// Valid for reading: `depth` elements at each of the tile's rows `keys + row · stride`, `8 · depth` at
        /// `panel`. Valid for writing: 8 elements a row at `scores`, 8 at `maximum`. The written memory overlaps nothing.
        #[inline(never)]
        unsafe fn $name(
            keys: *const f32, stride: usize, panel: *const f32, depth: usize, scores: *mut f32, maximum: *mut f32,
        ) {
            // SAFETY: the pointers step over exactly what the contract says is valid.
            unsafe {
                $(
                    let mut $key = keys.add($row * stride);
                    let mut $low = F32x4::zero();
                    let mut $high = F32x4::zero();
                )+
                let mut panel = panel;
                let mut remaining = depth;
                while remaining != 0 {
                    let panel_low = F32x4::load_pointer(panel);
                    let panel_high = F32x4::load_pointer(panel.add(4));
                    $(
                        let key = F32x4::splat_pointer($key);
                        $low = key.mul_add(panel_low, $low);
                        $high = key.mul_add(panel_high, $high);
                        $key = $key.add(1);
                    )+
                    panel = panel.add(PANEL);
                    remaining -= 1;
                }
                let mut maximum_low = F32x4::load_pointer(maximum);
                let mut maximum_high = F32x4::load_pointer(maximum.add(4));
                $(
                    $low.store_pointer(scores.add($row * PANEL));
                    $high.store_pointer(scores.add($row * PANEL + 4));
                    maximum_low = maximum_low.pseudo_max($low);
                    maximum_high = maximum_high.pseudo_max($high);
                )+
                maximum_low.store_pointer(maximum);
                maximum_high.store_pointer(maximum.add(4));
            }
        }
    };
}

scores_tile!(scores_6: k0 l0 h0 0, k1 l1 h1 1, k2 l2 h2 2, k3 l3 h3 3, k4 l4 h4 4, k5 l5 h5 5);
scores_tile!(scores_4: k0 l0 h0 0, k1 l1 h1 1, k2 l2 h2 2, k3 l3 h3 3);
scores_tile!(scores_2: k0 l0 h0 0, k1 l1 h1 1);
scores_tile!(scores_1: k0 l0 h0 0);

/// `scores[j][c] = Σ_d keys[j][d] · panel[d][c]` for all rows of `keys`; `maximum[c]` becomes the larger of itself and
/// column c (NaN is passed over).
pub fn scores(scores: &mut [f32], maximum: &mut [f32; PANEL], keys: Rows<'_>, panel: &[f32]) {
    let Rows { elements, stride, count, size: depth } = keys;
    assert!(scores.len() >= count * PANEL && panel.len() >= depth * PANEL);
    let keys = elements.as_ptr();
    let panel = panel.as_ptr();
    let scores = scores.as_mut_ptr();
    let maximum = maximum.as_mut_ptr();
    let mut j = 0;
    while j < count {
        // SAFETY: `Rows` holds `count` rows of `depth` elements; the assertion covers the panel and the scores; j plus
        // the tile's rows is at most `count`. `scores` and `maximum` are exclusive borrows.
        unsafe {
            let keys = keys.add(j * stride);
            let scores = scores.add(j * PANEL);
            match count - j {
                6.. if TILE == 6 => (scores_6(keys, stride, panel, depth, scores, maximum), j += 6),
                4.. => (scores_4(keys, stride, panel, depth, scores, maximum), j += 4),
                2.. => (scores_2(keys, stride, panel, depth, scores, maximum), j += 2),
                _ => (scores_1(keys, stride, panel, depth, scores, maximum), j += 1),
            };
        }
    }
}

macro_rules! values_tile {
    ($name:ident: $($low:ident $high:ident $column:literal),+) => {
        /// # Safety
        /// Valid for reading: the tile's columns at each of `count` rows `values + j · stride`, `8 · count` elements at
        /// `weights`. Valid for reading and writing: 8 elements a column at `accumulators`, overlapping nothing.
        #[inline(never)]
        unsafe fn $name(
            values: *const f32, stride: usize, weights: *const f32, count: usize, accumulators: *mut f32,
            is_first: bool,
        ) {
            // SAFETY: the pointers step over exactly what the contract says is valid. `values` may step past its
            // allocation after the last row, where it is not read: hence wrapping.
            unsafe {
                $(
                    let mut $low = F32x4::zero();
                    let mut $high = F32x4::zero();
                )+
                let mut values = values;
                let mut weights = weights;
                let mut remaining = count;
                while remaining != 0 {
                    let weights_low = F32x4::load_pointer(weights);
                    let weights_high = F32x4::load_pointer(weights.add(4));
                    $(
                        let value = F32x4::splat_pointer(values.add($column));
                        $low = value.mul_add(weights_low, $low);
                        $high = value.mul_add(weights_high, $high);
                    )+
                    values = values.wrapping_add(stride);
                    weights = weights.add(PANEL);
                    remaining -= 1;
                }
                // The block's sum is added as a whole: a running sum over all keys would gather more rounding errors.
                if !is_first {
                    $(
                        let accumulator = accumulators.add($column * PANEL);
                        $low = $low + F32x4::load_pointer(accumulator);
                        $high = $high + F32x4::load_pointer(accumulator.add(4));
                    )+
                }
                $(
                    $low.store_pointer(accumulators.add($column * PANEL));
                    $high.store_pointer(accumulators.add($column * PANEL + 4));
                )+
            }
        }
    };
}

values_tile!(values_6: l0 h0 0, l1 h1 1, l2 h2 2, l3 h3 3, l4 h4 4, l5 h5 5);
values_tile!(values_4: l0 h0 0, l1 h1 1, l2 h2 2, l3 h3 3);
values_tile!(values_2: l0 h0 0, l1 h1 1);
values_tile!(values_1: l0 h0 0);

/// `accumulators[d][c] += Σ_j values[j][d] · weights[j][c]` for all rows and columns of `values`, of which there is at
/// least one; when it is the first, the sums replace what is there.
pub fn accumulate(accumulators: &mut [f32], values: Rows<'_>, weights: &[f32], is_first: bool) {
    let Rows { elements, stride, count, size: width } = values;
    assert!(accumulators.len() >= width * PANEL && weights.len() >= count * PANEL);
    assert!(count != 0);
    let values = elements.as_ptr();
    let weights = weights.as_ptr();
    let accumulators = accumulators.as_mut_ptr();
    let mut d = 0;
    while d < width {
        // SAFETY: `Rows` holds `count` rows of `width` elements; the assertion covers weights and accumulators; d plus
        // the tile's columns is at most `width`. `accumulators` is an exclusive borrow.
        unsafe {
            let values = values.add(d);
            let accumulators = accumulators.add(d * PANEL);
            match width - d {
                6.. if TILE == 6 => (values_6(values, stride, weights, count, accumulators, is_first), d += 6),
                4.. => (values_4(values, stride, weights, count, accumulators, is_first), d += 4),
                2.. => (values_2(values, stride, weights, count, accumulators, is_first), d += 2),
                _ => (values_1(values, stride, weights, count, accumulators, is_first), d += 1),
            };
        }
    }
}
