//! The inner loops: a strip of `TILE`, 4, 2 or 1 rows times a panel of 8 outputs, and one row times four panels.
//!
//! ```text
//! sums[r][c] = Σ_k strip[k][r] · panel[k][c]
//! ```
//!
//! Per k two vectors of the panel, then for each row one scalar spread over a vector and two multiply-adds. `tiles` says
//! how many rows and why.
//!
//! Each tile is a function that is never inlined, with stepping pointers and a loop that counts down: engines compile
//! that form best, and a long outer function would stay in their baseline compiler.

#![allow(unsafe_code)]

use crate::simd::F32x8;
use crate::tiles::{PANEL, TILE};

/// `sums[r]` = the products of row r of `strip` `[depth][rows]` with `panel` `[depth][8]`, for `TILE`, 4, 2 or 1 rows.
pub fn multiply_strip(sums: &mut [[f32; PANEL]], strip: &[f32], panel: &[f32]) {
    let rows = sums.len();
    let depth = panel.len() / PANEL;
    assert!(strip.len() == rows * depth);
    let sums = sums.as_mut_ptr().cast::<f32>();
    let strip = strip.as_ptr();
    let panel = panel.as_ptr();
    // SAFETY: `sums` has 8 elements for each of the rows and is an exclusive borrow, the strip was found to hold `depth`
    // groups of as many rows as the chosen tile has, and the panel holds at least 8 · depth elements.
    unsafe {
        match rows {
            rows if rows == TILE => strip_tile::<TILE>(sums, strip, panel, depth),
            4 => strip_tile::<4>(sums, strip, panel, depth),
            2 => strip_tile::<2>(sums, strip, panel, depth),
            1 => strip_tile::<1>(sums, strip, panel, depth),
            _ => panic!(),
        }
    }
}

/// The products of a strip of `ROWS` rows with a panel.
///
/// # Safety
/// Valid for reading: `depth` groups of `ROWS` elements at `strip`, `8 · depth` elements at `panel`. Valid for writing: 8
/// elements a row at `sums`.
#[inline(never)]
unsafe fn strip_tile<const ROWS: usize>(sums: *mut f32, strip: *const f32, panel: *const f32, depth: usize) {
    // SAFETY: the pointers step over exactly what the contract says is valid.
    unsafe {
        let mut products = [F32x8::zero(); ROWS];
        let mut strip = strip;
        let mut panel = panel;
        let mut remaining = depth;
        while remaining != 0 {
            let weights = F32x8::load_pointer(panel);
            for (row, product) in products.iter_mut().enumerate() {
                *product = F32x8::splat_pointer(strip.add(row)).mul_add(weights, *product);
            }
            strip = strip.add(ROWS);
            panel = panel.add(PANEL);
            remaining -= 1;
        }
        for (row, product) in products.iter().enumerate() {
            product.store_pointer(sums.add(row * PANEL));
        }
    }
}

/// The rows of the largest tile that `rows` > 0 rows fill.
pub fn tile_rows(rows: usize) -> usize {
    match rows {
        6.. if TILE == 6 => 6,
        4.. => 4,
        2.. => 2,
        _ => 1,
    }
}

/// `sums[p]` = the products of `row` with panel p, for four panels at once: one stream of reads wouldn't keep the memory
/// busy.
pub fn multiply_row(sums: &mut [[f32; PANEL]; 4], row: &[f32], panels: [&[f32]; 4]) {
    assert!(panels.iter().all(|panel| panel.len() >= row.len() * PANEL));
    // SAFETY: each panel holds 8 elements for each of the row's; `sums` is an exclusive borrow.
    unsafe { row_4(sums.as_mut_ptr().cast(), row.as_ptr(), panels.map(<[f32]>::as_ptr), row.len()) }
}

/// # Safety
/// Valid for reading: `depth` elements at `row`, `8 · depth` at each of `panels`. Valid for writing: 32 at `sums`.
#[inline(never)]
unsafe fn row_4(sums: *mut f32, row: *const f32, panels: [*const f32; 4], depth: usize) {
    // SAFETY: the pointers step over exactly what the contract says is valid.
    unsafe {
        let [mut p0, mut p1, mut p2, mut p3] = panels;
        let [mut s0, mut s1, mut s2, mut s3] = [F32x8::zero(); 4];
        let mut row = row;
        let mut remaining = depth;
        while remaining != 0 {
            let value = F32x8::splat_pointer(row);
            s0 = value.mul_add(F32x8::load_pointer(p0), s0);
            s1 = value.mul_add(F32x8::load_pointer(p1), s1);
            s2 = value.mul_add(F32x8::load_pointer(p2), s2);
            s3 = value.mul_add(F32x8::load_pointer(p3), s3);
            row = row.add(1);
            p0 = p0.add(PANEL);
            p1 = p1.add(PANEL);
            p2 = p2.add(PANEL);
            p3 = p3.add(PANEL);
            remaining -= 1;
        }
        for (p, panel_sums) in [s0, s1, s2, s3].into_iter().enumerate() {
            panel_sums.store_pointer(sums.add(p * PANEL));
        }
    }
}
