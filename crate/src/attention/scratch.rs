//! Working memory, handed over by the caller: a few blocks, and per-row statistics when weights are asked for. O(L).

use super::arrays::{Elements, Heads, KeyHeads, ValueHeads};
use super::call::Attention;
use super::weights::WeightsRequest;
use crate::tiles::{KEY_BLOCK, PANEL, SINGLE_ROW_BLOCKS};

/// All of it.
pub struct Scratch<'a> {
    pub panel: PanelMemory<'a>,
    /// The keys of a head, `[T][D]`, widened where they have 16 bits.
    pub key: &'a mut [f32],
    /// The values of a head, `[T][Dv]`, widened where they have 16 bits.
    pub value: &'a mut [f32],
    pub statistics: Statistics<'a>,
    /// Sum over heads, `[T][8]`, for averaged weights.
    pub head_sum: &'a mut [f32],
}

/// For one panel of query rows.
pub struct PanelMemory<'a> {
    pub scores: ScoresMemory<'a>,
    /// A block's scores, which become its weights, `[keys][8]`.
    pub weights: &'a mut [f32],
    /// The sums of weighted values, `[Dv][8]`.
    pub accumulator: &'a mut [f32],
    pub values: ValuesMemory<'a>,
    /// Rows of results before they are narrowed to 16 bits: `[8][Dv]`, or `[8][keys]` of weights.
    pub output_rows: &'a mut [f32],
}

/// For the scores of one panel.
pub struct ScoresMemory<'a> {
    /// 16-bit query rows, widened, `[8][D]`.
    pub query_rows: &'a mut [f32],
    /// The query as it is, `[D][8]`.
    pub natural_query: &'a mut [f32],
    /// The query times the factor of units of log 2, `[D][8]`.
    pub scaled_query: &'a mut [f32],
    /// The products of a single row with several blocks of keys.
    pub products: &'a mut [f32],
    /// A block's scores once more, in natural units, for the rows that overflowed, `[keys][8]`.
    pub recomputed: &'a mut [f32],
    /// What the user's mask adds to a block, `[keys][8]`.
    pub mask: &'a mut [f32],
    /// The mask's rows before they stand side by side, `[8][keys]`.
    pub mask_rows: &'a mut [f32],
}

/// For the product with the values of one block.
pub struct ValuesMemory<'a> {
    /// A single row's sum over the block, `[Dv]`, in whole steps of 8.
    pub block_sum: &'a mut [f32],
    /// The block's values without their NaN and infinities, `[keys][Dv]`.
    pub finite_values: &'a mut [f32],
}

/// What the forward pass leaves of every row for the weights, each `[B, H, L]`; empty unless they need it.
pub struct Statistics<'a> {
    /// The reference of the softmax.
    pub references: &'a mut [f32],
    /// 1 / sum.
    pub inverses: &'a mut [f32],
}

impl<'a> Scratch<'a> {
    /// The one list of the pieces and their lengths. `take` hands over the next piece. None when a length overflows, or when
    /// `take` has nothing to hand over.
    fn cut(
        mut take: impl FnMut(usize) -> Option<&'a mut [f32]>,
        attention: &Attention<'_>,
        weights: Option<&WeightsRequest<'_>>,
    ) -> Option<Self> {
        let sizes = &attention.sizes;
        let (head_size, value_head_size) = (sizes.head_size, sizes.value_head_size);
        let is_narrow = |heads: &Heads<'_>| matches!(heads.elements, Elements::Bits(..));
        let has_narrow_keys = matches!(&attention.key, KeyHeads::Rows(heads) if is_narrow(heads));
        let has_narrow_values = matches!(&attention.value, ValueHeads::Rows(heads) if is_narrow(heads));
        let has_statistics = weights.is_some_and(|weights| weights.mode.is_normalized());
        let has_average = weights.is_some_and(|weights| weights.average_heads);
        let output_columns = value_head_size.max(if weights.is_some() { KEY_BLOCK } else { 0 });
        let mut piece =
            |lengths: &[usize]| take(lengths.iter().try_fold(1_usize, |product, &length| product.checked_mul(length))?);
        Some(Self {
            panel: PanelMemory {
                scores: ScoresMemory {
                    query_rows: piece(&[PANEL, head_size])?,
                    natural_query: piece(&[head_size, PANEL])?,
                    scaled_query: piece(&[head_size, PANEL])?,
                    products: piece(&[SINGLE_ROW_BLOCKS, KEY_BLOCK])?,
                    recomputed: piece(&[KEY_BLOCK, PANEL])?,
                    mask: piece(&[KEY_BLOCK, PANEL])?,
                    mask_rows: piece(&[PANEL, KEY_BLOCK])?,
                },
                weights: piece(&[KEY_BLOCK, PANEL])?,
                accumulator: piece(&[value_head_size, PANEL])?,
                values: ValuesMemory {
                    block_sum: piece(&[value_head_size.div_ceil(PANEL), PANEL])?,
                    finite_values: piece(&[KEY_BLOCK, value_head_size])?,
                },
                output_rows: piece(&[PANEL, output_columns])?,
            },
            key: piece(&[usize::from(has_narrow_keys), sizes.key_length, head_size])?,
            value: piece(&[usize::from(has_narrow_values), sizes.key_length, value_head_size])?,
            statistics: Statistics {
                references: piece(&[usize::from(has_statistics), sizes.batch, sizes.heads, sizes.query_length])?,
                inverses: piece(&[usize::from(has_statistics), sizes.batch, sizes.heads, sizes.query_length])?,
            },
            head_sum: piece(&[usize::from(has_average), sizes.key_length, PANEL])?,
        })
    }

    /// Cuts `memory` into the pieces; None when it is shorter than `length` says.
    pub fn split(
        mut memory: &'a mut [f32],
        attention: &Attention<'_>,
        weights: Option<&WeightsRequest<'_>>,
    ) -> Option<Self> {
        let take = |length: usize| Some(&mut memory.split_off_mut(..padded(length)?)?[..length]);
        Self::cut(take, attention, weights)
    }
}

/// Floats that the working memory needs; None when the sizes overflow.
pub fn length(attention: &Attention<'_>, weights: Option<&WeightsRequest<'_>>) -> Option<usize> {
    let mut sum = 0_usize;
    let measure = |length: usize| {
        sum = sum.checked_add(padded(length)?)?;
        Some(&mut [][..])
    };
    Scratch::cut(measure, attention, weights)?;
    Some(sum)
}

/// Each piece starts at a multiple of 16 bytes.
fn padded(length: usize) -> Option<usize> {
    length.checked_next_multiple_of(4)
}
