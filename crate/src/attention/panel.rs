//! Rows side by side: a *panel* `[size][columns]` holds element d of row c at `[d][c]`, so that a vector holds one element
//! of four rows.
//!
//! A panel has 8 columns, or 4, or 1: then it is the row itself. It is worked on in *steps* of 8 lanes, which are one element
//! of 8 rows, two of 4, or 8 of one.

use crate::simd::{F32x4, F32x8, I32x8, LANES};
use crate::tiles::PANEL;
use core::array::from_fn;

#[inline(always)]
pub fn load(panel: &[f32], step: usize) -> F32x8 {
    F32x8::load(&panel[step * PANEL..])
}

/// Replaces every step by `function` of it.
#[inline(always)]
pub fn for_each(panel: &mut [f32], function: impl Fn(F32x8) -> F32x8) {
    for_each_step(panel, |_, lanes| function(lanes));
}

/// Replaces every step by `function` of its number and itself.
#[inline(always)]
pub fn for_each_step(panel: &mut [f32], function: impl Fn(usize, F32x8) -> F32x8) {
    for (step, lanes) in panel.as_chunks_mut::<PANEL>().0.iter_mut().enumerate() {
        function(step, F32x8::load(lanes)).store(lanes);
    }
}

/// Replaces every step by `function` of itself and of the same step of another panel.
#[inline(always)]
pub fn for_each_pair(panel: &mut [f32], other: &[f32], function: impl Fn(F32x8, F32x8) -> F32x8) {
    for (lanes, other) in panel.as_chunks_mut::<PANEL>().0.iter_mut().zip(other.as_chunks::<PANEL>().0) {
        function(F32x8::load(lanes), F32x8::load(other)).store(lanes);
    }
}

/// `panel[d][c] = factor · rows[c][d]`, for 8, 4 or 1 rows of equal length.
pub fn from_rows(panel: &mut [f32], rows: &[&[f32]], factor: f32) {
    let size = rows[0].len();
    let columns = rows.len();
    let factor = F32x4::splat(factor);
    if columns == 1 {
        return crate::simd::map(&mut panel[..size], rows[0], |x| x * factor);
    }
    let whole = size / LANES;
    let (quads, tail) = panel[..size * columns].split_at_mut(whole * LANES * columns);
    for (first, rows) in (0..columns).step_by(LANES).zip(rows.as_chunks::<LANES>().0) {
        let quad_rows: [&[[f32; LANES]]; LANES] = rows.map(|row| &row.as_chunks().0[..whole]);
        for (d, quad) in quads.chunks_exact_mut(LANES * columns).enumerate() {
            let transposed = F32x4::transpose(from_fn(|c| F32x4::from_array(quad_rows[c][d]) * factor));
            for (lanes, element) in transposed.into_iter().zip(quad.chunks_exact_mut(columns)) {
                lanes.store(&mut element[first..]);
            }
        }
        for (d, element) in tail.chunks_exact_mut(columns).enumerate() {
            let lanes = F32x4::from_array(from_fn(|c| rows[c][whole * LANES + d]));
            (lanes * factor).store(&mut element[first..]);
        }
    }
}

/// `output[starts[c] + d] = panel[d][c]` for d < size, for each of `starts`, whose rows don't overlap.
pub fn to_rows(output: &mut [f32], panel: &[f32], starts: &[usize], size: usize, columns: usize) {
    if columns == 1 {
        output[starts[0]..starts[0] + size].copy_from_slice(&panel[..size]);
        return;
    }
    let whole = size / LANES;
    let (quads, tail) = panel[..size * columns].split_at(whole * LANES * columns);
    let quads = quads.chunks_exact(LANES * columns);
    for (first, starts) in (0..columns).step_by(LANES).zip(starts.chunks(LANES)) {
        let rows = |quad: &[f32]| F32x4::transpose(from_fn(|d| F32x4::load(&quad[d * columns + first..])));
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
        for (d, element) in tail.chunks_exact(columns).enumerate() {
            for (c, start) in starts.iter().enumerate() {
                output[start + whole * LANES + d] = element[first + c];
            }
        }
    }
}

/// The largest of each row's lanes, none of which is NaN.
#[inline(always)]
pub fn maximum(lanes: F32x8, columns: usize) -> F32x8 {
    if columns == PANEL {
        return lanes;
    }
    let [low, high] = lanes.halves();
    let largest = low.pseudo_max(high);
    if columns == LANES {
        return F32x8::repeat(largest);
    }
    let [a, b, c, d] = largest.to_array().map(F32x4::splat);
    F32x8::repeat(a.pseudo_max(c).pseudo_max(b.pseudo_max(d)))
}

/// Whether any lane of a row is set.
#[inline(always)]
pub fn any(mask: I32x8, columns: usize) -> I32x8 {
    let [low, high] = mask.halves();
    match columns {
        PANEL => mask,
        LANES => I32x8::repeat(low | high),
        _ => I32x8::splat(-i32::from((low | high).any())),
    }
}

/// Whether every lane of a row is set.
#[inline(always)]
pub fn all(mask: I32x8, columns: usize) -> I32x8 {
    !any(!mask, columns)
}
