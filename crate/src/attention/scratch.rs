//! Working memory, handed over by the caller: a few blocks, and per-row statistics when weights are asked for. O(L).

use super::Attention;
use super::arrays::{Elements, Heads, KeyHeads, ValueHeads};
use super::weights::WeightsRequest;
use crate::tiles::{KEY_BLOCK, PANEL, SINGLE_ROW_BLOCKS};

/// The pieces of the working memory.
pub struct Scratch<'a> {
    /// What the query rows need.
    pub panel: PanelMemory<'a>,
    /// `[Dv][8]`.
    pub accumulator: &'a mut [f32],
    /// What a block needs.
    pub block: Block<'a>,
    /// The keys of a head, `[T][D]`, and its values, `[T][Dv]`: where they have 16 bits, widened.
    pub key: &'a mut [f32],
    /// See `key`.
    pub value: &'a mut [f32],
    /// The reference of every row, `[B, H, L]`, for the weights.
    pub references: &'a mut [f32],
    /// 1 / sum of every row, `[B, H, L]`, for the weights.
    pub inverses: &'a mut [f32],
    /// Sum over heads, `[8][T]`, for averaged weights.
    pub head_sum: &'a mut [f32],
}

/// The working memory of a panel of query rows.
pub struct PanelMemory<'a> {
    /// 16-bit query rows widened, `[8][D]`; later output rows before they are narrowed, `[8][Dv]`.
    pub rows: &'a mut [f32],
    /// The query side by side `[D][8]`, as it is.
    pub query: &'a mut [f32],
    /// The query times the factor of the fast way.
    pub scaled: &'a mut [f32],
}

/// The working memory of one block of keys.
pub struct Block<'a> {
    /// Scores, then weights, `[keys][8]`.
    pub scores: &'a mut [f32],
    /// The products of a single row, for several blocks.
    pub products: &'a mut [f32],
    /// The scores once more, for the rows where the fast formula overflowed.
    pub recomputed: &'a mut [f32],
    /// What the user's mask adds, `[keys][8]`.
    pub mask: &'a mut [f32],
    /// Eight rows of `keys` elements.
    pub rows: &'a mut [f32],
    /// Values without their NaN and infinities, `[keys][Dv]`.
    pub finite_value: &'a mut [f32],
}

const PIECES: usize = 15;

/// The length of each piece, in the order in which `split` takes them; None when a product overflows.
fn lengths(attention: &Attention<'_>, weights: Option<&WeightsRequest<'_>>) -> Option<[usize; PIECES]> {
    let sizes = &attention.sizes;
    let (depth, width) = (sizes.head_size, sizes.value_head_size);
    let is_narrow = |heads: &Heads<'_>| matches!(heads.elements, Elements::Bits(..));
    let widened = |is_narrow: bool, size: usize| if is_narrow { sizes.key_length.checked_mul(size) } else { Some(0) };
    let has_narrow_keys = matches!(&attention.key, KeyHeads::Rows(heads) if is_narrow(heads));
    let has_narrow_values = matches!(&attention.value, ValueHeads::Rows(heads) if is_narrow(heads));
    let tile = KEY_BLOCK * PANEL;
    let statistics = match weights {
        Some(weights) if weights.mode.is_normalized() => {
            sizes.batch.checked_mul(sizes.heads)?.checked_mul(sizes.query_length)?
        }
        _ => 0,
    };
    let head_sum = match weights {
        Some(weights) if weights.average_heads => sizes.key_length.checked_mul(PANEL)?,
        _ => 0,
    };
    Some([
        depth.max(width).checked_mul(PANEL)?,
        depth.checked_mul(PANEL)?,
        depth.checked_mul(PANEL)?,
        width.checked_mul(PANEL)?,
        tile,
        KEY_BLOCK * SINGLE_ROW_BLOCKS,
        tile,
        tile,
        tile,
        width.checked_mul(KEY_BLOCK)?,
        widened(has_narrow_keys, depth)?,
        widened(has_narrow_values, width)?,
        statistics,
        statistics,
        head_sum,
    ])
}

/// Floats that the working memory needs; None when the sizes overflow.
pub fn length(attention: &Attention<'_>, weights: Option<&WeightsRequest<'_>>) -> Option<usize> {
    lengths(attention, weights)?
        .iter()
        .try_fold(0_usize, |sum, &piece| sum.checked_add(piece.checked_next_multiple_of(4)?))
}

impl<'a> Scratch<'a> {
    /// Cuts `memory` into the pieces; None when it is shorter than `length` says.
    pub fn split(
        mut memory: &'a mut [f32],
        attention: &Attention<'_>,
        weights: Option<&WeightsRequest<'_>>,
    ) -> Option<Self> {
        let mut pieces: [&'a mut [f32]; PIECES] = core::array::from_fn(|_| &mut [][..]);
        for (piece, length) in pieces.iter_mut().zip(lengths(attention, weights)?) {
            // Each piece starts at a multiple of 16 bytes.
            let (taken, rest) = memory.split_at_mut_checked(length.checked_next_multiple_of(4)?)?;
            *piece = &mut taken[..length];
            memory = rest;
        }
        let [
            rows,
            query,
            scaled,
            accumulator,
            scores,
            products,
            recomputed,
            mask,
            block_rows,
            finite_value,
            key,
            value,
            references,
            inverses,
            head_sum,
        ] = pieces;
        let block = Block { scores, products, recomputed, mask, rows: block_rows, finite_value };
        let panel = PanelMemory { rows, query, scaled };
        Some(Self { panel, accumulator, block, key, value, references, inverses, head_sum })
    }
}
