//! A call of attention: its sizes, what it reads, and what it writes.

use super::arrays::{ElementsMut, Heads, KeyHeads, Strides, ValueHeads};
use super::dropout::Dropout;
use super::mask::Mask;
use super::visibility::Visibility;
use super::weights::WeightsRequest;

#[derive(Clone, Copy, Debug)]
pub struct Sizes {
    /// B.
    pub batch: usize,
    /// H.
    pub heads: usize,
    /// Hkv, a divisor of H.
    pub key_heads: usize,
    /// L.
    pub query_length: usize,
    /// P, those of the keys that came from the past.
    pub past_length: usize,
    /// T, all keys.
    pub key_length: usize,
    /// D.
    pub head_size: usize,
    /// Dv.
    pub value_head_size: usize,
}

impl Sizes {
    /// Query heads that share a key head, H / Hkv.
    pub fn group(&self) -> usize {
        self.heads / self.key_heads
    }

    /// The place of query row `i` of head `h` of batch `b` in `[B, H, L]`.
    pub fn row_number(&self, b: usize, h: usize, i: usize) -> usize {
        (b * self.heads + h) * self.query_length + i
    }
}

/// ALiBi's slopes, `[H]` (batch stride 0) or `[B, H]`.
#[derive(Clone, Copy)]
pub struct Slopes<'a> {
    /// Positive ones penalise distance.
    pub slopes: &'a [f32],
    /// H or 0.
    pub batch_stride: usize,
}

/// What attention reads.
#[derive(Clone, Copy)]
pub struct Attention<'a> {
    pub sizes: Sizes,
    /// `[B, H, L, D]`.
    pub query: Heads<'a>,
    /// `[B, Hkv, T, D]`.
    pub key: KeyHeads<'a>,
    /// `[B, Hkv, T, Dv]`.
    pub value: ValueHeads<'a>,
    /// Factor of the dot products.
    pub scale: f32,
    /// Bound of the scores; 0 for none.
    pub softcap: f32,
    /// A user's mask, broadcast to `[B, H, L, T]`.
    pub mask: Option<Mask<'a>>,
    /// Causal, windows, key lengths.
    pub visibility: Visibility<'a>,
    /// Linear penalty on distance.
    pub slopes: Option<Slopes<'a>>,
    /// `[H]`: a logit a head that takes weight without having a value.
    pub sinks: Option<&'a [f32]>,
    /// Weights dropped at random.
    pub dropout: Option<Dropout>,
}

/// What attention writes.
pub struct Outputs<'a> {
    /// `[B, H, L, Dv]`.
    pub output: ElementsMut<'a>,
    pub output_strides: Strides,
    /// `[B, H, L]`.
    pub log_sum_exp: Option<&'a mut [f32]>,
    pub weights: Option<WeightsRequest<'a>>,
}
