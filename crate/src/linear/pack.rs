//! Packed forms of both factors: k goes over memory without gaps, and beside each k lie the rows that a tile reads.

use crate::tiles::PANEL;

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

/// `strip[k][r]` = `rows[r][k]`, of rows that are in_features apart; the last one ends with what the strip takes of it.
pub fn pack_strip(strip: &mut [f32], rows: &[f32], row_count: usize, in_features: usize) {
    if in_features != 0 {
        interleave(strip, rows, row_count, in_features);
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
