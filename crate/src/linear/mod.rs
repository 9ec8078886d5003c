//! The linear layer.
//!
//! ```text
//! output[m, n] = activation(Σ_k input[m, k] · weight[n, k] + bias[n])            output = activation(input · weightᵀ + bias)
//! ```
//!
//! The weights are packed once into panels of 8 outputs, `[out_features / 8][in_features][8]`, which serve both the
//! product of matrices (`gemm`) and that of a matrix with one row (`gemv`). Every output element is one sum over
//! ascending k, whatever the tile: a row's bits are the same alone and in a batch. The
//! error before the activation is at most 2^-24 · (n + 1) · (Σ |input · weight| + |bias|), with n = in_features, typically its
//! square root's. The activation is applied to the sums while they are still at hand.
//!
//! The gradients, of d = the gradient of output before the activation:
//!
//! ```text
//! input_gradient[m, k]  = Σ_n d[m, n] · weight[n, k]                             `linear` over `pack_columns` of the weight
//! weight_gradient[n, k] = Σ_m d[m, n] · input[m, k]                              `multiply_transposed`
//! bias_gradient[n]      = Σ_m d[m, n]                                            `sum_rows`
//! ```
//!
//! Sums over m are cut into blocks of 256 rows, whatever the tile. The error of a sum of n products is at most
//! 2^-24 · (n + 2) · Σ |product|.
//!
//! | module | what it does |
//! |---|---|
//! | `pack` | panels and strips of either factor |
//! | `register_tile` | the inner loops, on registers |
//! | `gemm`, `gemv`, `transposed_gemm` | the order of the tiles |
//! | `epilogue` | bias and activation; what is written |
//! | `sum_rows` | the sum of the rows of a matrix |

mod epilogue;
mod gemm;
mod gemv;
mod pack;
pub mod register_tile;
mod sum_rows;
mod transposed_gemm;

pub(crate) use pack::{pack_column_strips, pack_strip};
pub use pack::{pack_columns, pack_weight};
pub use sum_rows::sum_rows;
pub use transposed_gemm::{multiply_transposed, multiply_transposed_scratch_length};

use crate::activation::Activation;
use crate::tiles::{INPUT_BLOCK, PANEL};
use epilogue::Epilogue;

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
    activation: Activation,
) {
    assert!(output.len() == rows * out_features && input.len() == rows * in_features);
    let epilogue = Epilogue { bias, activation };
    if rows == 1 {
        gemv::gemv(output, input, packed, &epilogue);
    } else {
        gemm::gemm(output, input, packed, scratch, in_features, out_features, &epilogue);
    }
}
