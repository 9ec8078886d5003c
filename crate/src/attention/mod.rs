//! Scaled dot-product attention, forward.
//!
//! For batch b, head h, query i and key j, with h′ = floor(h / (H / Hkv)):
//!
//! ```text
//! raw[j]    = scale · Σ_d query[b, h, i, d] · key[b, h′, j, d]
//! capped[j] = softcap · tanh(raw[j] / softcap)                     or raw[j] without a softcap
//! score[j]  = capped[j] − slope · |p − j| + mask[b, h, i, j]       where visible, −Infinity elsewhere
//! weight[j] = exp(score[j]) / (Σ_j exp(score[j]) + exp(sink))
//! output    = Σ_j dropout(weight[j]) · value[b, h′, j]
//! ```
//!
//! docs/semantics.md says for every option and mixture what comes out.
//!
//! The scores exist only as a block of at most 264 keys by 8 queries. A *panel* of 8 query rows goes over its keys
//! block by block (FlashAttention's order), and everything is transposed: a vector holds one key's scores for 4
//! queries, so that no step of the softmax crosses lanes, and the weights lie just as the product with the values
//! reads them.
//!
//! Fewer than 8 queries, as in generating text, are put side by side with those of the other heads of their group, so
//! that keys and values are read once for all of them. Four or fewer rows make half a panel; of a single row a vector holds
//! the scores for 4 keys. Softmax, masks and the rest are the same code for all three widths.
//!
//! A row's bits are its own: they depend on its query, the keys and values that it may see, their positions and the
//! options, not on the rows beside it, nor on how the keys are stored. For that
//!
//! 1. a score is one chain of multiply-adds over d, from zero;
//! 2. blocks begin at multiples of 264 keys, and a hidden key's weight is exactly 0, whether it is visited or not;
//! 3. a block's weights are summed in four sums by the key's number modulo 4, then (0 + 2) + (1 + 3);
//! 4. a block's products with the values are one chain over its keys, from zero, and the blocks' sums are added in order;
//! 5. reference and rescaling are a row's own;
//! 6. values that aren't finite, where they are added by hand, are multiplied with the weight as the others are.
//!
//! | module | step |
//! |---|---|
//! | `forward` | the loops, and what is written |
//! | `visibility` | which keys the rules open to a row; tile classes |
//! | `scores` | a block's scores: the product, then softcap, ALiBi and masks |
//! | `online_softmax` | weights, running sum and maximum, normalisation |
//! | `dropout`, `mask` | the seeded drop pattern; a user's mask |
//! | `weights` | attention weights, for the heads and rows that are asked for |
//! | `register_tile`, `single_row` | the two products: for a panel, for one row |
//! | `panel` | rows side by side |
//! | `arrays`, `layout` | the tensors; how a head's keys and values lie |
//! | `scratch` | the working memory |

pub mod arrays;
pub mod dropout;
pub mod forward;
pub mod layout;
pub mod mask;
pub mod online_softmax;
pub mod panel;
pub mod register_tile;
pub mod scores;
pub mod scratch;
pub mod single_row;
pub mod visibility;
pub mod weights;

pub use forward::attention_forward;

use crate::simd::F32x4;
use arrays::{ElementsMut, Heads, KeyHeads, Strides, ValueHeads};
use dropout::Dropout;
use mask::Mask;
use visibility::Visibility;
use weights::WeightsRequest;

/// One value for each row of a panel.
pub type Lanes = [F32x4; 2];

/// The sizes of a call.
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

/// ALiBi's slopes, `[H]` (batch stride 0) or `[B, H]`.
#[derive(Clone, Copy)]
pub struct Slopes<'a> {
    /// The slopes; positive ones penalise distance.
    pub slopes: &'a [f32],
    /// H or 0.
    pub batch_stride: usize,
}

/// What attention reads.
#[derive(Clone, Copy)]
pub struct Attention<'a> {
    /// The sizes.
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
    /// Its layout.
    pub output_strides: Strides,
    /// `[B, H, L]`.
    pub log_sum_exp: Option<&'a mut [f32]>,
    /// Attention weights.
    pub weights: Option<WeightsRequest<'a>>,
}
