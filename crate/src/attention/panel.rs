//! Rows side by side: `panel[d][c]` holds element d of row c, so that a vector holds one element of four rows.
//!
//! A panel has a *width* of 8 rows, or of 4, or of 1: then it is the row itself. It is worked on in steps of 8 lanes, which
//! are one element of 8 rows, two of 4, or 8 of one.

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

/// Applies `function` to each step and its number.
#[inline(always)]
pub fn for_each_step(panel: &mut [f32], function: impl Fn(usize, Lanes) -> Lanes) {
    for (step, lanes) in panel.as_chunks_mut::<PANEL>().0.iter_mut().enumerate() {
        let pair = function(step, load(lanes, 0));
        store(lanes, 0, pair);
    }
}

/// `panel[d][c] = factor · rows[c][d]`, for 8, 4 or 1 rows of equal length.
pub fn from_rows(panel: &mut [f32], rows: &[&[f32]], factor: f32) {
    let size = rows[0].len();
    let width = rows.len();
    let factor = F32x4::splat(factor);
    if width == 1 {
        return crate::simd::map(&mut panel[..size], rows[0], |x| x * factor);
    }
    let whole = size / LANES;
    let (quads, tail) = panel[..size * width].split_at_mut(whole * LANES * width);
    for (first, rows) in (0..width).step_by(LANES).zip(rows.as_chunks::<LANES>().0) {
        let quad_rows: [&[[f32; LANES]]; LANES] = rows.map(|row| &row.as_chunks().0[..whole]);
        for (d, quad) in quads.chunks_exact_mut(LANES * width).enumerate() {
            let columns = F32x4::transpose(from_fn(|c| F32x4::from_array(quad_rows[c][d]) * factor));
            for (column, step) in columns.into_iter().zip(quad.chunks_exact_mut(width)) {
                column.store(&mut step[first..]);
            }
        }
        for (d, step) in tail.chunks_exact_mut(width).enumerate() {
            let column = F32x4::from_array(from_fn(|c| rows[c][whole * LANES + d]));
            (column * factor).store(&mut step[first..]);
        }
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
    let (quads, tail) = panel[..size * width].split_at(whole * LANES * width);
    let quads = quads.chunks_exact(LANES * width);
    for (first, starts) in (0..width).step_by(LANES).zip(starts.chunks(LANES)) {
        let rows = |quad: &[f32]| F32x4::transpose(from_fn(|step| F32x4::load(&quad[step * width + first..])));
        let range = |start: usize| start..start + whole * LANES;
        let four = starts.first_chunk::<LANES>().map(|starts| output.get_disjoint_mut(starts.map(range)));
        if let Some(Ok(four)) = four {
            let mut four = four.map(|row| row.as_chunks_mut::<LANES>().0.iter_mut());
            for quad in quads.clone() {
                for (row, lanes) in four.iter_mut().zip(rows(quad)) {
                    if let Some(row) = row.next() {
                        *row = lanes.to_array();
                    }
                }
            }
        } else {
            for (d, quad) in quads.clone().enumerate() {
                for (lanes, start) in rows(quad).into_iter().zip(starts) {
                    lanes.store(&mut output[start + d * LANES..]);
                }
            }
        }
        for (d, step) in tail.chunks_exact(width).enumerate() {
            for (c, start) in starts.iter().enumerate() {
                output[start + whole * LANES + d] = step[first + c];
            }
        }
    }
}

/// The largest of each row's lanes, none of which is NaN.
#[inline(always)]
pub fn maximum(lanes: Lanes, width: usize) -> Lanes {
    if width == PANEL {
        return lanes;
    }
    let halves = lanes[0].pseudo_max(lanes[1]);
    if width == LANES {
        return [halves; 2];
    }
    let [a, b, c, d] = halves.to_array().map(F32x4::splat);
    [a.pseudo_max(c).pseudo_max(b.pseudo_max(d)); 2]
}

/// Whether any lane of a row is set.
#[inline(always)]
pub fn any(mask: [I32x4; 2], width: usize) -> [I32x4; 2] {
    match width {
        PANEL => mask,
        LANES => [mask[0] | mask[1]; 2],
        _ => [I32x4::splat(-i32::from((mask[0] | mask[1]).any())); 2],
    }
}

/// Whether every lane of a row is set.
#[inline(always)]
pub fn all(mask: [I32x4; 2], width: usize) -> [I32x4; 2] {
    any(mask.map(|mask| !mask), width).map(|mask| !mask)
}
