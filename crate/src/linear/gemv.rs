//! One row: bound by the reading of the weights, so four distant panels are read together.

use super::register_tile::{multiply_row, multiply_strip};
use super::{finish, panel_bias};
use crate::tiles::PANEL;

/// output `[out_features]`, input `[in_features]`; as `linear` with one row.
pub fn gemv(output: &mut [f32], input: &[f32], packed: &[f32], bias: Option<&[f32]>) {
    let panel_length = input.len() * PANEL;
    let panel = |p: usize| &packed[p * panel_length..][..panel_length];
    let panels = output.len().div_ceil(PANEL);
    let quarter = panels / 4;
    for first in 0..quarter {
        let group: [usize; 4] = core::array::from_fn(|part| first + part * quarter);
        let mut sums = [[0.0; PANEL]; 4];
        multiply_row(&mut sums, input, group.map(panel));
        for (sums, p) in sums.iter().zip(group) {
            finish(&mut output[p * PANEL..], sums, &panel_bias(bias, p * PANEL));
        }
    }
    for p in 4 * quarter..panels {
        let mut sums = [[0.0; PANEL]];
        multiply_strip(&mut sums, input, panel(p));
        finish(&mut output[p * PANEL..], &sums[0], &panel_bias(bias, p * PANEL));
    }
}
