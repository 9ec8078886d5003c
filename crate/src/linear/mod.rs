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

/// Outputs in a panel of packed weights.
pub const PANEL: usize = 8;

/// Input rows in a strip: with a panel 12 accumulators, as many as the registers hold.
pub const STRIP: usize = 6;

/// Input rows that are packed at a time: their strips stay in the L2 cache while the panels pass by.
const BLOCK: usize = 16 * STRIP;

/// Elements of the packed form of weights `[out_features, in_features]`.
pub fn packed_length(in_features: usize, out_features: usize) -> Option<usize> {
    out_features.div_ceil(PANEL).checked_mul(PANEL)?.checked_mul(in_features)
}

/// Elements of scratch memory that `linear` needs.
pub fn scratch_length(rows: usize, in_features: usize) -> Option<usize> {
    if rows <= 1 { Some(0) } else { rows.min(BLOCK).checked_mul(in_features) }
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

/// Adds the bias of the outputs from `column` on, and stores as many of the panel's sums as the row has outputs.
#[inline(always)]
fn finish(row: &mut [f32], sums: &[f32; PANEL], bias: Option<&[f32]>, column: usize) {
    let end = row.len().min(column + PANEL);
    let bias = bias.map(|bias| &bias[column..end]);
    for (half, output) in row[column..end].chunks_mut(LANES).enumerate() {
        let start = half * LANES;
        let mut sum = F32x4::load(&sums[start..]);
        if let Some(bias) = bias {
            sum = sum + F32x4::load_partial(&bias[start..start + output.len()], 0.0);
        }
        canonical(sum).store_partial(output);
    }
}
