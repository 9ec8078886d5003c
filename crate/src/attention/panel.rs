//! Eight rows side by side: `panel[d][c]` holds element d of row c, so that a vector holds one element of four rows.

use super::{Lanes, PANEL};
use crate::simd::{F32x4, LANES};

/// The two vectors of `panel[d]`.
#[inline(always)]
pub fn load(panel: &[f32], d: usize) -> Lanes {
    [F32x4::load(&panel[d * PANEL..]), F32x4::load(&panel[d * PANEL + LANES..])]
}

/// Sets the two vectors of `panel[d]`.
#[inline(always)]
pub fn store(panel: &mut [f32], d: usize, [low, high]: Lanes) {
    low.store(&mut panel[d * PANEL..]);
    high.store(&mut panel[d * PANEL + LANES..]);
}

/// `panel[d][c] = rows[c][d]`, for 8 contiguous rows of `width` elements.
pub fn from_rows(panel: &mut [f32], rows: &[f32], width: usize) {
    let whole = width - width % LANES;
    for half in 0..2 {
        let row = |c: usize| (half * LANES + c) * width;
        for d in (0..whole).step_by(LANES) {
            let columns = F32x4::transpose(core::array::from_fn(|c| F32x4::load(&rows[row(c) + d..])));
            for (step, column) in columns.into_iter().enumerate() {
                column.store(&mut panel[(d + step) * PANEL + half * LANES..]);
            }
        }
        for d in whole..width {
            for c in 0..LANES {
                panel[d * PANEL + half * LANES + c] = rows[row(c) + d];
            }
        }
    }
}

/// `rows[c][d] = panel[d][c]`, for 8 contiguous rows of `width` elements.
pub fn to_rows(rows: &mut [f32], panel: &[f32], width: usize) {
    let whole = width - width % LANES;
    for half in 0..2 {
        let row = |c: usize| (half * LANES + c) * width;
        for d in (0..whole).step_by(LANES) {
            let lanes =
                F32x4::transpose(core::array::from_fn(|step| F32x4::load(&panel[(d + step) * PANEL + half * LANES..])));
            for (c, lane) in lanes.into_iter().enumerate() {
                lane.store(&mut rows[row(c) + d..]);
            }
        }
        for d in whole..width {
            for c in 0..LANES {
                rows[row(c) + d] = panel[d * PANEL + half * LANES + c];
            }
        }
    }
}

/// Applies `function` to each of the first `count` vector pairs.
#[inline(always)]
pub fn for_each(panel: &mut [f32], count: usize, function: impl Fn(Lanes) -> Lanes) {
    for lanes in panel[..count * PANEL].as_chunks_mut::<PANEL>().0 {
        let pair = function(load(lanes, 0));
        store(lanes, 0, pair);
    }
}
