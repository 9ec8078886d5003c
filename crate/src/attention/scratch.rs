//! Working memory, handed over by the caller: a few blocks, and per-row statistics when weights are asked for. O(L).

use super::arrays::{Elements, Heads, KeyHeads, ValueHeads};
use super::backward_call::KeySums;
use super::backward_call::mask_extent;
use super::call::Attention;
use super::weights::WeightsRequest;
use crate::tiles::{BLOCK_PANELS, KEY_BLOCK, PANEL, SINGLE_ROW_BLOCKS};

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

/// What the forward pass leaves of every row for the weights and for the backward pass, each `[B, H, L]`; empty unless they need
/// it.
pub struct Statistics<'a> {
    /// The reference of the softmax; −Infinity for a row that sees no key.
    pub references: &'a mut [f32],
    /// 1 / sum.
    pub inverses: &'a mut [f32],
}

/// For the backward pass.
pub struct BackwardScratch<'a> {
    pub block: BlockMemory<'a>,
    /// The keys of a head, `[T][D]`, widened where they have 16 bits.
    pub key: &'a mut [f32],
    /// The values of a head, `[T][Dv]`, widened where they have 16 bits.
    pub value: &'a mut [f32],
    pub sums: KeySums<'a>,
    pub shared: SharedMemory<'a>,
}

/// For one block of query rows, in panels.
pub struct BlockMemory<'a> {
    pub scores: ScoresMemory<'a>,
    /// A block's scores, which become its weights, `[8][keys][8]`.
    pub weights: &'a mut [f32],
    /// The weights that dropout keeps, likewise; empty without dropout.
    pub kept: &'a mut [f32],
    /// The products of dO with the values, which become the scores' gradients, likewise.
    pub products: &'a mut [f32],
    /// A panel's scores after the softcap, `[keys][8]`; empty without a softcap.
    pub capped: &'a mut [f32],
    /// The gradients of a panel's weights, `[keys][8]`; empty without any.
    pub cotangents: &'a mut [f32],
    /// A row of them where there are none, `[keys]`.
    pub zeros: &'a mut [f32],
    /// dO / s, `[8][Dv][8]`.
    pub output_panels: &'a mut [f32],
    /// The same by rows, `[Dv / 8][64][8]`.
    pub output_columns: &'a mut [f32],
    /// scale · Q, `[D / 8][64][8]`.
    pub query_columns: &'a mut [f32],
    /// dQ / scale, `[8][D][8]`.
    pub query_sums: &'a mut [f32],
    /// For the product with the keys.
    pub keys: ValuesMemory<'a>,
    /// O of a panel, `[Dv][8]`.
    pub output: &'a mut [f32],
    /// 16-bit rows, widened, `[8][D]`.
    pub rows: &'a mut [f32],
}

/// For the gradients that heads and batches share.
pub struct SharedMemory<'a> {
    /// Of a mask, the sums of one batch and key head; empty where nothing is shared.
    pub mask: &'a mut [f32],
    /// `[B, H]`; empty unless wanted.
    pub slopes: &'a mut [f32],
    /// `[B, H]`; empty unless wanted.
    pub sinks: &'a mut [f32],
}

/// Which gradients of what heads and batches share are wanted.
#[derive(Clone, Copy)]
pub struct SharedWanted {
    pub mask: bool,
    pub slopes: bool,
    pub sinks: bool,
}

impl<'a> ScoresMemory<'a> {
    fn cut(pieces: &mut Pieces<'a>, head_size: usize) -> Self {
        Self {
            query_rows: pieces.take(PANEL, head_size),
            natural_query: pieces.take(head_size, PANEL),
            scaled_query: pieces.take(head_size, PANEL),
            products: pieces.take(SINGLE_ROW_BLOCKS, KEY_BLOCK),
            recomputed: pieces.take(KEY_BLOCK, PANEL),
            mask: pieces.take(KEY_BLOCK, PANEL),
            mask_rows: pieces.take(PANEL, KEY_BLOCK),
        }
    }
}

impl<'a> BackwardScratch<'a> {
    /// The one list of the pieces and their lengths.
    #[inline(never)]
    fn cut(pieces: &mut Pieces<'a>, attention: &Attention<'_>, has_weights: bool, wanted: SharedWanted) -> Self {
        let sizes = &attention.sizes;
        let (head_size, value_head_size) = (sizes.head_size, sizes.value_head_size);
        let key_width = head_size.next_multiple_of(PANEL);
        let value_width = value_head_size.next_multiple_of(PANEL);
        let block_rows = BLOCK_PANELS * PANEL;
        let rows_where = |is_needed: bool, rows: usize| if is_needed { rows } else { 0 };
        let mask = if wanted.mask { mask_extent(attention).unwrap_or(usize::MAX) } else { 0 };
        Self {
            block: BlockMemory {
                scores: ScoresMemory::cut(pieces, head_size),
                weights: pieces.take(block_rows, KEY_BLOCK),
                kept: pieces.take(rows_where(attention.dropout.is_some(), block_rows), KEY_BLOCK),
                products: pieces.take(block_rows, KEY_BLOCK),
                capped: pieces.take(rows_where(attention.softcap != 0.0, PANEL), KEY_BLOCK),
                cotangents: pieces.take(rows_where(has_weights, PANEL), KEY_BLOCK),
                zeros: pieces.take(rows_where(has_weights, 1), KEY_BLOCK),
                output_panels: pieces.take(block_rows, value_head_size),
                output_columns: pieces.take(block_rows, value_width),
                query_columns: pieces.take(block_rows, key_width),
                query_sums: pieces.take(block_rows, head_size),
                keys: ValuesMemory { block_sum: &mut [], finite_values: pieces.take(KEY_BLOCK, head_size) },
                output: pieces.take(PANEL, value_head_size),
                rows: pieces.take(PANEL, head_size),
            },
            key: pieces.take(rows_where(has_narrow_keys(attention), sizes.key_length), head_size),
            value: pieces.take(rows_where(has_narrow_values(attention), sizes.key_length), value_head_size),
            sums: KeySums {
                keys: pieces.take(sizes.key_length, key_width),
                values: pieces.take(sizes.key_length, value_width),
            },
            shared: SharedMemory {
                mask: pieces.take(1, mask),
                slopes: pieces.take(rows_where(wanted.slopes, sizes.batch), sizes.heads),
                sinks: pieces.take(rows_where(wanted.sinks, sizes.batch), sizes.heads),
            },
        }
    }

    /// Cuts `memory` into the pieces; None when it is shorter than `backward_length` says.
    pub fn split(
        memory: &'a mut [f32],
        attention: &Attention<'_>,
        has_weights: bool,
        wanted: SharedWanted,
    ) -> Option<Self> {
        Pieces::cut(memory, |pieces| Self::cut(pieces, attention, has_weights, wanted))
    }
}

/// Floats that the backward pass's working memory needs; None when the sizes overflow.
pub fn backward_length(attention: &Attention<'_>, has_weights: bool, wanted: SharedWanted) -> Option<usize> {
    let mut pieces = Pieces::of(&mut []);
    BackwardScratch::cut(&mut pieces, attention, has_weights, wanted);
    pieces.length
}

const fn is_narrow(heads: &Heads<'_>) -> bool {
    matches!(heads.elements, Elements::Bits(..))
}

fn has_narrow_keys(attention: &Attention<'_>) -> bool {
    matches!(&attention.key, KeyHeads::Rows(heads) if is_narrow(heads))
}

fn has_narrow_values(attention: &Attention<'_>) -> bool {
    matches!(&attention.value, ValueHeads::Rows(heads) if is_narrow(heads))
}

impl<'a> Scratch<'a> {
    /// The one list of the pieces and their lengths.
    #[inline(never)]
    fn cut(pieces: &mut Pieces<'a>, attention: &Attention<'_>, weights: Option<&WeightsRequest<'_>>) -> Self {
        let sizes = &attention.sizes;
        let (head_size, value_head_size) = (sizes.head_size, sizes.value_head_size);
        let has_statistics = weights.is_some_and(|weights| weights.mode.is_normalized());
        let has_average = weights.is_some_and(|weights| weights.average_heads);
        let output_columns = value_head_size.max(if weights.is_some() { KEY_BLOCK } else { 0 });
        let rows_where = |is_needed: bool, rows: usize| if is_needed { rows } else { 0 };
        let head_rows = sizes.batch.saturating_mul(sizes.heads);
        Self {
            panel: PanelMemory {
                scores: ScoresMemory::cut(pieces, head_size),
                weights: pieces.take(KEY_BLOCK, PANEL),
                accumulator: pieces.take(value_head_size, PANEL),
                values: ValuesMemory {
                    block_sum: pieces.take(value_head_size.div_ceil(PANEL), PANEL),
                    finite_values: pieces.take(KEY_BLOCK, value_head_size),
                },
                output_rows: pieces.take(PANEL, output_columns),
            },
            key: pieces.take(rows_where(has_narrow_keys(attention), sizes.key_length), head_size),
            value: pieces.take(rows_where(has_narrow_values(attention), sizes.key_length), value_head_size),
            statistics: Statistics {
                references: pieces.take(rows_where(has_statistics, head_rows), sizes.query_length),
                inverses: pieces.take(rows_where(has_statistics, head_rows), sizes.query_length),
            },
            head_sum: pieces.take(rows_where(has_average, sizes.key_length), PANEL),
        }
    }

    /// Cuts `memory` into the pieces; None when it is shorter than `length` says.
    pub fn split(
        memory: &'a mut [f32],
        attention: &Attention<'_>,
        weights: Option<&WeightsRequest<'_>>,
    ) -> Option<Self> {
        Pieces::cut(memory, |pieces| Self::cut(pieces, attention, weights))
    }
}

/// Floats that the working memory needs; None when the sizes overflow.
pub fn length(attention: &Attention<'_>, weights: Option<&WeightsRequest<'_>>) -> Option<usize> {
    let mut pieces = Pieces::of(&mut []);
    Scratch::cut(&mut pieces, attention, weights);
    pieces.length
}

/// Hands over one piece after the other.
struct Pieces<'a> {
    /// What is left of the memory; empty to add up the lengths alone: then pieces are empty.
    memory: &'a mut [f32],
    /// Of all pieces so far; None once it has overflowed.
    length: Option<usize>,
}

impl<'a> Pieces<'a> {
    fn of(memory: &'a mut [f32]) -> Self {
        Self { memory, length: Some(0) }
    }

    /// What `cut` makes of the memory; None when that is too short.
    fn cut<T>(memory: &'a mut [f32], cut: impl FnOnce(&mut Self) -> T) -> Option<T> {
        let length = memory.len();
        let mut pieces = Self::of(memory);
        let scratch = cut(&mut pieces);
        pieces.length.is_some_and(|needed| needed <= length).then_some(scratch)
    }

    /// The next piece, `[rows][columns]`, which starts at a multiple of 16 bytes; empty where the memory ends.
    #[inline(never)]
    fn take(&mut self, rows: usize, columns: usize) -> &'a mut [f32] {
        let padded = rows.checked_mul(columns).and_then(|length| length.checked_next_multiple_of(4));
        self.length = self.length.zip(padded).and_then(|(before, padded)| before.checked_add(padded));
        match padded.and_then(|padded| self.memory.split_off_mut(..padded)) {
            Some(piece) => &mut piece[..rows * columns],
            None => &mut [],
        }
    }
}
