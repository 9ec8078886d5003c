//! Which attention weights, or scores before them, are asked for.

use super::arrays::ElementsMut;
use crate::numbered::numbered;

numbered! {
    /// ONNX's `qk_matmul_output_mode`, and one more.
    pub enum WeightsMode {
        /// scale · query · key.
        Raw = "raw",
        /// After the softcap.
        Capped = "capped",
        /// After ALiBi and masks.
        Score = "score",
        /// After the softmax.
        Softmax = "softmax",
        /// After dropout.
        Dropout = "dropout",
    }
}

impl WeightsMode {
    /// Whether the forward pass's reference and sum are needed.
    pub fn is_normalized(self) -> bool {
        matches!(self, Self::Softmax | Self::Dropout)
    }
}

/// What to write where.
pub struct WeightsRequest<'a> {
    /// `[B, heads, rows, T]`, or `[B, rows, T]` when averaged.
    pub elements: ElementsMut<'a>,
    pub mode: WeightsMode,
    /// Query heads, in the order of the result.
    pub heads: &'a [u32],
    /// Query rows, in the order of the result.
    pub rows: &'a [u32],
    /// The mean over the heads instead: their sum by ascending index, divided by their count.
    pub average_heads: bool,
}
