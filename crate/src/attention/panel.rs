//! Rows side by side: `panel[d][c]` holds element d of row c, so that a vector holds one element of four rows.
//!
//! A panel has a *width* of 8 rows, or of 1: then it is the row itself. Either way it is worked on in steps of 8 lanes,
//! which are one element of 8 rows, or 8 elements of one.

use super::Lanes;
use crate::simd::{F32x4, I32x4, LANES};
use crate::tiles::PANEL;
use core::array::from_fn;

/// The two vectors of a step.
#[inline(always)]
pub fn load(panel: &[f32], step: usize) -> Lanes {
    [F32x4::load(&panel[step * PANEL..]), F32x4::load(&panel[step * PANEL + LANES..])]
}

/// Sets the two vectors of a step.
#[inline(always)]
pub fn store(panel: &mut [f32], step: usize, [low, high]: Lanes) {
    low.store(&mut panel[step * PANEL..]);
    high.store(&mut panel[step * PANEL + LANES..]);
}

/// Applies `function` to each of the first `count` steps.
#[inline(always)]
pub fn for_each(panel: &mut [f32], count: usize, function: impl Fn(Lanes) -> Lanes) {
    for lanes in panel[..count * PANEL].as_chunks_mut::<PANEL>().0 {
        let pair = function(load(lanes, 0));
        store(lanes, 0, pair);
    }
}

/// `panel[d][c] = factor · rows[c][d]`, for 8 rows or 1, of equal length.
pub fn from_rows(panel: &mut [f32], rows: &[&[f32]], factor: f32) {
    let size = rows[0].len();
    let factor = F32x4::splat(factor);
    let Ok(rows) = <&[&[f32]; PANEL]>::try_from(rows) else {
        assert!(rows.len() == 1);
        return crate::simd::map(&mut panel[..size], rows[0], |x| x * factor);
    };
    let rows = rows.map(|row| &row[..size]);
    let panel = &mut panel[..size * PANEL];
    let whole = size - size % LANES;
    for half in [0, LANES] {
        for d in (0..whole).step_by(LANES) {
            let columns = F32x4::transpose(from_fn(|c| F32x4::load(&rows[half + c][d..]) * factor));
            for (step, column) in columns.into_iter().enumerate() {
                column.store(&mut panel[(d + step) * PANEL + half..]);
            }
        }
        for d in whole..size {
            let column = F32x4::from_array(from_fn(|c| rows[half + c][d])) * factor;
            column.store(&mut panel[d * PANEL + half..]);
        }
    }
}

/// `output[starts[c] + d] = panel[d][c]` for d < size, for each of `starts`; `width` is the panel's.
pub fn to_rows(output: &mut [f32], starts: &[usize], panel: &[f32], width: usize, size: usize) {
    if width == 1 {
        output[starts[0]..starts[0] + size].copy_from_slice(&panel[..size]);
        return;
    }
    let panel = &panel[..size * PANEL];
    let whole = size - size % LANES;
    for (half, starts) in starts.chunks(LANES).enumerate() {
        let half = half * LANES;
        for d in (0..whole).step_by(LANES) {
            let lanes = F32x4::transpose(from_fn(|step| F32x4::load(&panel[(d + step) * PANEL + half..])));
            for (lane, start) in lanes.into_iter().zip(starts) {
                lane.store(&mut output[start + d..]);
            }
        }
        for d in whole..size {
            for (c, start) in starts.iter().enumerate() {
                output[start + d] = panel[d * PANEL + half + c];
            }
        }
    }
}

/// One value a row from one value a lane: with a width of 1 all lanes are of the same row, and `function` joins them in
/// the order ((0+4) + (2+6)) + ((1+5) + (3+7)).
#[inline(always)]
pub fn join(lanes: Lanes, width: usize, function: impl Fn(F32x4, F32x4) -> F32x4) -> Lanes {
    if width == PANEL {
        return lanes;
    }
    let [a, b, c, d] = function(lanes[0], lanes[1]).to_array().map(F32x4::splat);
    [function(function(a, c), function(b, d)); 2]
}

/// As `join`, for masks: whether any lane of the row is set.
#[inline(always)]
pub fn any(mask: [I32x4; 2], width: usize) -> [I32x4; 2] {
    if width == PANEL {
        return mask;
    }
    [I32x4::splat(-i32::from((mask[0] | mask[1]).any())); 2]
}

/// As `join`, for masks: whether every lane of the row is set.
#[inline(always)]
pub fn all(mask: [I32x4; 2], width: usize) -> [I32x4; 2] {
    if width == PANEL {
        return mask;
    }
    [I32x4::splat(-i32::from((mask[0] & mask[1]).all())); 2]
}
