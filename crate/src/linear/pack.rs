//! Packed forms of both factors: k goes over memory without gaps, and beside each k lie the rows that a tile reads.
//!
//! Where k goes along the rows of a matrix, they are interleaved; where it goes along its columns, parts of rows are copied.

use super::register_tile::tile_rows;
use crate::tiles::{PANEL, TILE};

/// packed `[out_features / 8 rounded up][in_features][8]` of weight `[out_features, in_features]`; outputs that fill
/// up the last panel have weight 0.
pub fn pack_weight(packed: &mut [f32], weight: &[f32], in_features: usize, out_features: usize) {
    assert!(weight.len() == in_features * out_features);
    if in_features == 0 {
        return;
    }
    let panels = packed.chunks_exact_mut(in_features * PANEL);
    for (panel, rows) in panels.zip(weight.chunks(in_features * PANEL)) {
        if rows.len() < in_features * PANEL {
            panel.fill(0.0);
        }
        interleave(panel, rows, PANEL, in_features);
    }
}

/// packed `[columns / 8 rounded up][rows][8]` of matrix `[rows, columns]`, the packed form of its transpose; columns that
/// fill up the last panel are 0.
pub fn pack_columns(packed: &mut [f32], matrix: &[f32], rows: usize, columns: usize) {
    assert!(matrix.len() == rows * columns);
    if matrix.is_empty() {
        return;
    }
    let whole = columns / PANEL * PANEL;
    let (panels, last) = packed.split_at_mut(whole * rows);
    copy_columns::<PANEL>(panels, matrix, rows, columns, 0);
    last.fill(0.0);
    copy_strip(last, matrix, PANEL, columns, whole);
}

/// `strip[k][r]` = `rows[r][k]`, of rows that are in_features apart; the last one ends with what the strip takes of it.
pub fn pack_strip(strip: &mut [f32], rows: &[f32], row_count: usize, in_features: usize) {
    if in_features != 0 {
        interleave(strip, rows, row_count, in_features);
    }
}

/// The columns of matrix `[rows, columns]` from `first` on, as many as `strips` has room for, in strips of `TILE` columns,
/// the last ones of 4, 2 or 1, as `tile_rows` divides them: `strip[k][r]` = `matrix[k][first column of the strip + r]`.
pub fn pack_column_strips(strips: &mut [f32], matrix: &[f32], rows: usize, columns: usize, first: usize) {
    let count = strips.len() / rows;
    let mut column = count / TILE * TILE;
    copy_columns::<TILE>(&mut strips[..column * rows], matrix, rows, columns, first);
    while column < count {
        let width = tile_rows(count - column);
        copy_strip(&mut strips[column * rows..(column + width) * rows], matrix, width, columns, first + column);
        column += width;
    }
}

/// `output[group][k][c]` = `matrix[k][first + WIDTH · group + c]`, for as many groups as output has room for.
fn copy_columns<const WIDTH: usize>(output: &mut [f32], matrix: &[f32], rows: usize, columns: usize, first: usize) {
    /// So many rows are read side by side, and whole cache lines written: groups may lie a power of two apart, and lines that do
    /// share the same few places of the cache.
    const TOGETHER: usize = 4;
    let groups = output.as_chunks_mut::<WIDTH>().0;
    let width = groups.len() / rows;
    for (k, rows_together) in (0..rows).step_by(TOGETHER).zip(matrix.chunks(TOGETHER * columns)) {
        for group in 0..width {
            let from = first + group * WIDTH;
            for (values, row) in groups[group * rows + k..].iter_mut().zip(rows_together.chunks_exact(columns)) {
                if let Some(source) = row[from..].first_chunk() {
                    *values = *source;
                }
            }
        }
    }
}

/// `strip[k][c]` = `matrix[k][first + c]` for the columns that there are, up to `width`.
fn copy_strip(strip: &mut [f32], matrix: &[f32], width: usize, columns: usize, first: usize) {
    for (group, row) in strip.chunks_exact_mut(width).zip(matrix.chunks_exact(columns)) {
        for (value, source) in group.iter_mut().zip(&row[first..]) {
            *value = *source;
        }
    }
}

/// `output[k][r]` = `rows[r][k]` for the rows that there are, `in_features` apart; output has room for `row_count`.
#[inline(never)]
fn interleave(output: &mut [f32], rows: &[f32], row_count: usize, in_features: usize) {
    for (r, row) in rows.chunks(in_features).enumerate() {
        for (group, value) in output.chunks_exact_mut(row_count).zip(row) {
            group[r] = *value;
        }
    }
}
