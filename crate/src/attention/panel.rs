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

/// Four steps of a panel: four elements of each row.
const STEPS: usize = LANES * PANEL;

/// `panel[d][c] = factor · rows[c][d]`, for 8 rows or 1, of equal length.
pub fn from_rows(panel: &mut [f32], rows: &[&[f32]], factor: f32) {
    let size = rows[0].len();
    let factor = F32x4::splat(factor);
    let Ok(rows) = <&[&[f32]; PANEL]>::try_from(rows) else {
        assert!(rows.len() == 1);
        return crate::simd::map(&mut panel[..size], rows[0], |x| x * factor);
    };
    let whole = size / LANES;
    let (steps, tail) = panel[..size * PANEL].split_at_mut(whole * STEPS);
    let steps = &mut steps.as_chunks_mut::<STEPS>().0[..whole];
    for half in 0..2 {
        let rows: [&[[f32; LANES]]; LANES] = from_fn(|c| &rows[half * LANES + c].as_chunks().0[..whole]);
        for (d, steps) in steps.iter_mut().enumerate() {
            let columns = F32x4::transpose(from_fn(|c| F32x4::from_array(rows[c][d]) * factor));
            for (step, column) in columns.into_iter().enumerate() {
                column.store(&mut steps[step * PANEL + half * LANES..]);
            }
        }
    }
    for (step, tail) in tail.as_chunks_mut::<PANEL>().0.iter_mut().enumerate() {
        let column = F32x4::lanes(|c| rows[c][whole * LANES + step]);
        store(tail, 0, column.map(|column| column * factor));
    }
}

/// `output[starts[c] + d] = panel[d][c]` for d < size, for each of `starts`, whose rows don't overlap; `width` is the
/// panel's.
pub fn to_rows(output: &mut [f32], starts: &[usize], panel: &[f32], width: usize, size: usize) {
    if width == 1 {
        output[starts[0]..starts[0] + size].copy_from_slice(&panel[..size]);
        return;
    }
    let whole = size / LANES;
    let (steps, tail) = panel[..size * PANEL].split_at(whole * STEPS);
    let steps = &steps.as_chunks::<STEPS>().0[..whole];
    for (half, starts) in starts.chunks(LANES).enumerate() {
        let columns =
            |steps: &[f32; STEPS]| F32x4::transpose(from_fn(|step| F32x4::load(&steps[step * PANEL + half * LANES..])));
        let ranges = |starts: &[usize; LANES]| starts.map(|start| start..start + whole * LANES);
        if let Some(Ok(rows)) = starts.first_chunk().map(|starts| output.get_disjoint_mut(ranges(starts))) {
            let mut rows = rows.map(|row| row.as_chunks_mut::<LANES>().0.iter_mut());
            for steps in steps {
                for (row, lanes) in rows.iter_mut().zip(columns(steps)) {
                    if let Some(row) = row.next() {
                        *row = lanes.to_array();
                    }
                }
            }
        } else {
            for (d, steps) in steps.iter().enumerate() {
                for (lanes, start) in columns(steps).into_iter().zip(starts) {
                    lanes.store(&mut output[start + d * LANES..]);
                }
            }
        }
        for (step, tail) in tail.as_chunks::<PANEL>().0.iter().enumerate() {
            for (c, start) in starts.iter().enumerate() {
                output[start + whole * LANES + step] = tail[half * LANES + c];
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
