//! Scaled dot-product attention, forward and backward.
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
//! the scores for 4 keys. Softmax, masks and the rest are the same code for all three.
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
//! Each module uses only modules above it:
//!
//! | module | what it holds |
//! |---|---|
//! | `matrix`, `layout` | rows at a distance; how a head's keys and values lie |
//! | `panel`, `query_rows` | rows side by side; which query rows stand in a panel |
//! | `key_blocks` | the blocks of keys |
//! | `arrays` | the tensors |
//! | `visibility` | which keys the rules open to a row; tile classes |
//! | `mask`, `dropout` | a user's mask; the seeded drop pattern |
//! | `weights`, `call`, `backward_call` | the weights that are asked for; all that a call of either pass reads and writes |
//! | `scratch` | the working memory |
//! | `register_tile`, `single_row` | the two products: for a panel, for one row |
//! | `online_softmax` | weights, running sum and maximum, normalisation |
//! | `query_panel` | a panel's query rows and what they see |
//! | `score_steps`, `scores` | from products to scores; a block's scores |
//! | `weighted_values` | the product of a block's weights with its values |
//! | `write_weights` | attention weights, for the heads and rows that are asked for |
//! | `forward` | the loops, and where the code differs from them, by number |
//! | `query_block` | 64 query rows, as the backward pass reads them |
//! | `shared_gradients` | the gradients of mask, slopes and sinks |
//! | `score_gradients` | a panel's weights once more, and the gradients of its scores |
//! | `backward` | the loops of the backward pass, and where the code differs from them |

pub mod arrays;
mod backward;
pub mod backward_call;
mod call;
pub mod dropout;
mod forward;
mod key_blocks;
pub mod layout;
pub mod mask;
pub mod matrix;
mod online_softmax;
pub mod panel;
mod query_block;
mod query_panel;
mod query_rows;
pub mod register_tile;
mod score_gradients;
mod score_steps;
mod scores;
pub mod scratch;
mod shared_gradients;
pub mod single_row;
pub mod visibility;
mod weighted_values;
pub mod weights;
mod write_weights;

pub use backward::attention_backward;
pub use call::{Attention, Outputs, Sizes, Slopes};
pub use forward::attention_forward;
