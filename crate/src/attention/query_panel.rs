//! The query rows of a panel: how they are read, and which keys they see.

use super::call::Attention;
use super::panel;
use super::query_rows::QueryRows;
use super::visibility::PanelRange;
use crate::simd::{F32x8, I32x8};
use crate::tiles::PANEL;
use core::ops::Range;

/// What the call says of up to eight query rows that share a key head.
pub struct QueryPanel<'a> {
    pub attention: &'a Attention<'a>,
    pub b: usize,
    pub rows: &'a QueryRows,
    /// The keys that the rules open to them.
    pub range: PanelRange,
    /// The position of each lane's row.
    pub positions: I32x8,
    /// ALiBi's slope of each lane's head.
    pub slopes: F32x8,
}

impl<'a> QueryPanel<'a> {
    pub fn new(attention: &'a Attention<'a>, b: usize, rows: &'a QueryRows) -> Self {
        let sizes = &attention.sizes;
        let rules = attention.visibility.rules(b, sizes.query_length, sizes.past_length, sizes.key_length);
        let slopes = attention.slopes.map_or(F32x8::zero(), |slopes| {
            F32x8::from_fn(|lane| slopes.slopes[b * slopes.batch_stride + rows.heads[lane]])
        });
        Self {
            attention,
            b,
            rows,
            range: PanelRange::new(&rules, rows),
            positions: I32x8::from_fn(|lane| (rows.indices[lane] as i64 + rules.offset) as i32),
            slopes,
        }
    }

    /// The rows times `factor`, `[D][columns]`; lanes beyond the end of the last step are 0. `buffer` is `[8, D]`.
    #[inline(never)]
    pub fn read_query(&self, query: &mut [f32], buffer: &mut [f32], factor: f32) {
        let (rows, head_size) = (self.rows, self.attention.sizes.head_size);
        let read = self.attention.query.gather(buffer, self.b, rows, head_size);
        panel::from_rows(query, &read[..rows.columns], factor);
        query[head_size * rows.columns..rows.panel_length(head_size)].fill(0.0);
    }

    /// Reads what the user's mask adds to the scores of `keys`; false when it hides all of them from all rows. `buffer` is as
    /// long as `mask`.
    pub fn read_mask(&self, mask: &mut [f32], buffer: &mut [f32], keys: &Range<usize>) -> bool {
        self.attention.mask.as_ref().is_none_or(|given| given.read_panel(mask, buffer, self.b, self.rows, keys))
    }

    /// Whether every row surely sees all of `keys`.
    pub fn is_open(&self, keys: &Range<usize>) -> bool {
        self.attention.mask.is_none() && self.range.is_open(keys)
    }

    /// Those of `keys`, one after the other, that every row surely sees.
    pub fn open_keys(&self, keys: &Range<usize>) -> Range<usize> {
        if self.attention.mask.is_some() { keys.start..keys.start } else { self.range.open_keys(keys) }
    }

    /// A function from a step of `keys` to the mask of the lanes that see their key, by the rules and by `mask`, as `read_mask`
    /// left it.
    #[inline(always)]
    pub fn sees(&self, mask: &[f32], keys: &Range<usize>) -> impl Fn(usize) -> I32x8 {
        let bounds = self.range.bounds(keys.end);
        let first = keys.start;
        move |step| {
            let by_rules = bounds.sees(bounds.keys(first + step * PANEL / self.rows.columns));
            if self.attention.mask.is_none() {
                return by_rules;
            }
            by_rules & !panel::load(mask, step).eq(F32x8::splat(f32::NEG_INFINITY))
        }
    }

    /// Mask of the rows that see any of `keys`.
    pub fn sees_any(&self, mask: &[f32], keys: &Range<usize>) -> I32x8 {
        let sees = self.sees(mask, keys);
        let steps = self.rows.panel_length(keys.len()) / PANEL;
        panel::any((0..steps).fold(I32x8::splat(0), |seen, step| seen | sees(step)), self.rows.columns)
    }

    /// As `sees`, for the row in column `c` and the key `offset` behind the first of `keys`.
    pub fn row_sees(&self, mask: &[f32], keys: &Range<usize>, offset: usize, c: usize) -> bool {
        let by_mask = self.attention.mask.is_none() || mask[offset * self.rows.columns + c] != f32::NEG_INFINITY;
        by_mask && self.range.row_sees(c, keys.start + offset)
    }
}
