//! Many rows: input strips × weight panels.

use super::epilogue::Epilogue;
use super::pack::pack_strip;
use super::register_tile::{multiply_strip, tile_rows};
use crate::tiles::{INPUT_BLOCK, PANEL, TILE};

/// As `linear`, for any number of rows.
pub fn gemm(
    output: &mut [f32],
    input: &[f32],
    packed: &[f32],
    scratch: &mut [f32],
    in_features: usize,
    out_features: usize,
    epilogue: &Epilogue<'_>,
) {
    if out_features == 0 {
        return;
    }
    for (block, output) in output.chunks_mut(INPUT_BLOCK * out_features).enumerate() {
        let rows = output.len() / out_features;
        let input = &input[block * INPUT_BLOCK * in_features..][..rows * in_features];
        let strips = &mut scratch[..rows * in_features];
        let mut row = 0;
        while row < rows {
            let count = tile_rows(rows - row);
            let range = row * in_features..(row + count) * in_features;
            pack_strip(&mut strips[range.clone()], &input[range], count, in_features);
            row += count;
        }
        multiply(strips, packed, [rows, in_features, out_features], |sums, row, column| {
            epilogue.write(&mut output[row * out_features..], sums, column, out_features);
        });
    }
}

/// The products of strips, `rows` rows in all, with panels of `columns` columns in all: `write` gets the sums of a tile, its
/// first row and its first column.
#[inline(always)]
pub fn multiply(
    strips: &[f32],
    panels: &[f32],
    [rows, depth, columns]: [usize; 3],
    mut write: impl FnMut(&mut [[f32; PANEL]], usize, usize),
) {
    for panel in 0..columns.div_ceil(PANEL) {
        let panel_elements = &panels[panel * depth * PANEL..][..depth * PANEL];
        let mut sums = [[0.0; PANEL]; TILE];
        let mut row = 0;
        while row < rows {
            let count = tile_rows(rows - row);
            let sums = &mut sums[..count];
            multiply_strip(sums, &strips[row * depth..(row + count) * depth], panel_elements);
            write(sums, row, panel * PANEL);
            row += count;
        }
    }
}
