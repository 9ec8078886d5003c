//! The linear layer.
//!
//! ```text
//! output[m, n] = Σ_k input[m, k] · weight[n, k] + bias[n]            output = input · weightᵀ + bias
//! ```
//!
//! The weights are packed once into panels of 8 outputs, `[out_features / 8][in_features][8]`, which serve both the
//! product of matrices (`gemm`) and that of a matrix with one row (`gemv`). Every output element is one sum over
//! ascending k, whatever the tile: a row's bits are the same alone and in a batch. With |Σ| = Σ_k |input · weight|, the
//! error is at most (in_features + 1) · 2^-24 · (|Σ| + |bias|), typically its square root's.
//!
//! | module | what it does |
//! |---|---|
//! | `pack` | panels of weights, strips of input rows |
//! | `register_tile` | the inner loops, on registers |
//! | `gemm`, `gemv` | the order of the tiles; bias, and what is written |

mod gemm;
mod gemv;
mod pack;
pub mod register_tile;

pub use pack::pack_weight;

use crate::numeric::canonical;
use crate::simd::{F32x4, LANES};
use crate::tiles::{INPUT_BLOCK, PANEL};

/// Elements of the packed form of weights `[out_features, in_features]`.
pub fn packed_length(in_features: usize, out_features: usize) -> Option<usize> {
    out_features.div_ceil(PANEL).checked_mul(PANEL)?.checked_mul(in_features)
}

/// Elements of scratch memory that `linear` needs.
pub fn scratch_length(rows: usize, in_features: usize) -> Option<usize> {
    if rows <= 1 { Some(0) } else { rows.min(INPUT_BLOCK).checked_mul(in_features) }
}

/// output `[rows, out_features]`, input `[rows, in_features]`, packed: the weights after `pack_weight`,
/// bias `[out_features]`, scratch: `scratch_length` elements.
pub fn linear(
    output: &mut [f32],
    input: &[f32],
    packed: &[f32],
    bias: Option<&[f32]>,
    scratch: &mut [f32],
    rows: usize,
    in_features: usize,
    out_features: usize,
) {
    assert!(output.len() == rows * out_features && input.len() == rows * in_features);
    if rows == 1 {
        gemv::gemv(output, input, packed, bias);
    } else {
        gemm::gemm(output, input, packed, bias, scratch, in_features, out_features);
    }
}

/// The bias of a panel's outputs, from `column` on; 0 where there is none.
fn panel_bias(bias: Option<&[f32]>, column: usize) -> [f32; PANEL] {
    let mut panel = [0.0; PANEL];
    if let Some(bias) = bias {
        for (value, bias) in panel.iter_mut().zip(&bias[column..]) {
            *value = *bias;
        }
    }
    panel
}

/// Stores sums + bias at `row`, which begins at the panel's first output and may end before its last.
#[inline(always)]
fn finish(row: &mut [f32], sums: &[f32; PANEL], bias: &[f32; PANEL]) {
    let low = canonical(F32x4::load(sums) + F32x4::load(bias));
    let high = canonical(F32x4::load(&sums[LANES..]) + F32x4::load(&bias[LANES..]));
    if let Some(row) = row.first_chunk_mut::<PANEL>() {
        low.store(row);
        high.store(&mut row[LANES..]);
    } else {
        low.store_partial(row);
        if let Some(row) = row.get_mut(LANES..) {
            high.store_partial(row);
        }
    }
}
