//! One row: bound by the reading of the weights, so four distant panels are read together.

use super::epilogue::Epilogue;
use super::register_tile::{multiply_row, multiply_strip};
use crate::tiles::PANEL;

/// output `[out_features]`, input `[in_features]`; as `linear` with one row.
pub fn gemv(output: &mut [f32], input: &[f32], packed: &[f32], epilogue: &Epilogue<'_>) {
    let out_features = output.len();
    let panel_length = input.len() * PANEL;
    let panel = |p: usize| &packed[p * panel_length..][..panel_length];
    let panels = out_features.div_ceil(PANEL);
    let quarter = panels / 4;
    for first in 0..quarter {
        let group: [usize; 4] = core::array::from_fn(|part| first + part * quarter);
        let mut sums = [[0.0; PANEL]; 4];
        multiply_row(&mut sums, input, group.map(panel));
        for (sums, p) in sums.chunks_mut(1).zip(group) {
            epilogue.write(output, sums, p * PANEL, out_features);
        }
    }
    for p in 4 * quarter..panels {
        let mut sums = [[0.0; PANEL]];
        multiply_strip(&mut sums, input, panel(p));
        epilogue.write(output, &mut sums, p * PANEL, out_features);
    }
}
