//! Working memory, handed over by the caller: a few blocks, and per-row statistics when weights are asked for. O(L).

use super::arrays::{Elements, Heads, KeyHeads, ValueHeads};
use super::call::Attention;
use super::weights::WeightsRequest;
use crate::tiles::{KEY_BLOCK, PANEL, SINGLE_ROW_BLOCKS};

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
    /// The one list of the pieces and their lengths. None when a length overflows or there is too little memory.
    #[inline(never)]
    fn cut(pieces: &mut Pieces<'a>, attention: &Attention<'_>, weights: Option<&WeightsRequest<'_>>) -> Option<Self> {
        let sizes = &attention.sizes;
        let (head_size, value_head_size) = (sizes.head_size, sizes.value_head_size);
        let is_narrow = |heads: &Heads<'_>| matches!(heads.elements, Elements::Bits(..));
        let has_narrow_keys = matches!(&attention.key, KeyHeads::Rows(heads) if is_narrow(heads));
        let has_narrow_values = matches!(&attention.value, ValueHeads::Rows(heads) if is_narrow(heads));
        let has_statistics = weights.is_some_and(|weights| weights.mode.is_normalized());
        let has_average = weights.is_some_and(|weights| weights.average_heads);
        let output_columns = value_head_size.max(if weights.is_some() { KEY_BLOCK } else { 0 });
        let rows_where = |is_needed: bool, rows: usize| if is_needed { rows } else { 0 };
        let head_rows = sizes.batch.checked_mul(sizes.heads)?;
        Some(Self {
            panel: PanelMemory {
                scores: ScoresMemory {
                    query_rows: pieces.take(PANEL, head_size)?,
                    natural_query: pieces.take(head_size, PANEL)?,
                    scaled_query: pieces.take(head_size, PANEL)?,
                    products: pieces.take(SINGLE_ROW_BLOCKS, KEY_BLOCK)?,
                    recomputed: pieces.take(KEY_BLOCK, PANEL)?,
                    mask: pieces.take(KEY_BLOCK, PANEL)?,
                    mask_rows: pieces.take(PANEL, KEY_BLOCK)?,
                },
                weights: pieces.take(KEY_BLOCK, PANEL)?,
                accumulator: pieces.take(value_head_size, PANEL)?,
                values: ValuesMemory {
                    block_sum: pieces.take(value_head_size.div_ceil(PANEL), PANEL)?,
                    finite_values: pieces.take(KEY_BLOCK, value_head_size)?,
                },
                output_rows: pieces.take(PANEL, output_columns)?,
            },
            key: pieces.take(rows_where(has_narrow_keys, sizes.key_length), head_size)?,
            value: pieces.take(rows_where(has_narrow_values, sizes.key_length), value_head_size)?,
            statistics: Statistics {
                references: pieces.take(rows_where(has_statistics, head_rows), sizes.query_length)?,
                inverses: pieces.take(rows_where(has_statistics, head_rows), sizes.query_length)?,
            },
            head_sum: pieces.take(rows_where(has_average, sizes.key_length), PANEL)?,
        })
    }

    /// Cuts `memory` into the pieces; None when it is shorter than `length` says.
    pub fn split(
        memory: &'a mut [f32],
        attention: &Attention<'_>,
        weights: Option<&WeightsRequest<'_>>,
    ) -> Option<Self> {
        Self::cut(&mut Pieces { memory: Some(memory), length: 0 }, attention, weights)
    }
}

/// Floats that the working memory needs; None when the sizes overflow.
pub fn length(attention: &Attention<'_>, weights: Option<&WeightsRequest<'_>>) -> Option<usize> {
    let mut pieces = Pieces { memory: None, length: 0 };
    Scratch::cut(&mut pieces, attention, weights)?;
    Some(pieces.length)
}

/// Hands over one piece after the other.
struct Pieces<'a> {
    /// What is left of the memory; None to add up the lengths alone: then pieces are empty.
    memory: Option<&'a mut [f32]>,
    /// Of all pieces so far.
    length: usize,
}

impl<'a> Pieces<'a> {
    /// The next piece, `[rows][columns]`, which starts at a multiple of 16 bytes.
    fn take(&mut self, rows: usize, columns: usize) -> Option<&'a mut [f32]> {
        let length = rows.checked_mul(columns)?;
        let padded = length.checked_next_multiple_of(4)?;
        self.length = self.length.checked_add(padded)?;
        match &mut self.memory {
            Some(memory) => Some(&mut memory.split_off_mut(..padded)?[..length]),
            None => Some(&mut []),
        }
    }
}
