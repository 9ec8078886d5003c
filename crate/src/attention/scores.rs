//! The scores of a panel of query rows, one block of keys after the other.
//!
//! ```text
//! product = Σ_d (factor · query[d]) · key[d]                       one chain from zero
//! score   = product · scale, softcap, − slope · distance, + mask    −Infinity where hidden
//! ```
//!
//! The same steps (`score_steps`) run in two *units*. In those of log 2, as the softmax takes scores, the queries are
//! multiplied beforehand by scale · log2 e (by scale / softcap, where there is a softcap), so that without further options
//! the product is the score. Natural units take the queries as they are: for the stages that can be looked at, for scales
//! that the queries can't be multiplied by, and for rows whose scores in units of log 2 overflowed. (Deviation 4 of
//! `forward`.)

use super::call::Attention;
use super::layout::Keys;
use super::query_panel::QueryPanel;
use super::query_rows::QueryRows;
use super::score_steps::{SCORE_LIMIT, Stage, Unit, are_products_scores, finish};
use super::scratch::ScoresMemory;
use super::{panel, register_tile, single_row};
use crate::simd::{F32x8, I32x8};
use crate::tiles::{KEY_BLOCK, PANEL, SINGLE_ROW_BLOCKS};
use core::f32::consts::LOG2_E;
use core::ops::Range;

/// Factors in this range of magnitude leave room for queries up to 2^110 when multiplied in beforehand.
const FACTORS: Range<f32> = 1e-18..65536.0;

/// Softcaps in this range leave scores up to 2^126 in range when divided by beforehand, and those of keys up to 2^110
/// exact enough where the scaled query becomes subnormal.
const SOFTCAPS: Range<f32> = 0.5..65536.0;

/// Computes the scores of a panel.
pub struct PanelScores<'a, 'm> {
    pub panel: QueryPanel<'a>,
    /// All keys of their head.
    keys: Keys<'a>,
    memory: &'a mut ScoresMemory<'m>,
    /// What the query is multiplied by for scores in units of log 2; None where it can't be.
    log2_factor: Option<f32>,
    /// Mask of the rows whose scaled query is finite throughout.
    finite: I32x8,
    /// Of a single row, the keys whose products with it are in the memory.
    multiplied: Range<usize>,
}

/// What queries are multiplied by for scores in units of log 2, if they can be: the product is then raw · log2 e, or raw /
/// softcap.
fn log2_factor(attention: &Attention<'_>) -> Option<f32> {
    let Attention { scale, softcap, .. } = *attention;
    let factor = scale * if softcap == 0.0 { LOG2_E } else { 1.0 / softcap };
    let is_softcap_in_range = softcap == 0.0 || SOFTCAPS.contains(&softcap);
    (is_softcap_in_range && FACTORS.contains(&factor.abs())).then_some(factor)
}

impl<'a, 'm> PanelScores<'a, 'm> {
    /// Reads the rows.
    #[inline(never)]
    pub fn new(
        memory: &'a mut ScoresMemory<'m>,
        attention: &'a Attention<'a>,
        b: usize,
        keys: Keys<'a>,
        rows: &'a QueryRows,
    ) -> Self {
        let panel = QueryPanel::new(attention, b, rows);
        let log2_factor = log2_factor(attention);
        let mut finite = I32x8::splat(-1);
        if let Some(factor) = log2_factor {
            panel.read_query(memory.scaled_query, memory.query_rows, factor);
            // An infinite query makes all scores of its row infinite or NaN, which is seen in their maximum; but not
            // behind a softcap.
            if attention.softcap != 0.0 {
                finite = finite_rows(memory.scaled_query, attention.sizes.head_size, rows);
            }
        }
        Self { panel, keys, memory, log2_factor, finite, multiplied: 0..0 }
    }

    /// The scores of `keys`, part of a block, at a stage, `[keys][columns]`; from `Stage::Score` on −Infinity where hidden.
    /// Returns each row's largest (NaN passed over), or None when no row sees any of the keys: then there are none.
    #[inline(never)]
    pub fn write(&mut self, scores: &mut [f32], keys: &Range<usize>, stage: Stage) -> Option<F32x8> {
        let is_visible = self.panel.read_mask(self.memory.mask, self.memory.mask_rows, keys);
        if !is_visible && matches!(stage, Stage::Score | Stage::Log2) {
            return None;
        }
        if stage != Stage::Log2 || self.log2_factor.is_none() {
            let ScoresMemory { natural_query, query_rows, mask, .. } = &mut *self.memory;
            self.panel.read_query(natural_query, query_rows, 1.0);
            return Some(in_natural_units(scores, natural_query, mask, &self.panel, self.keys, keys, stage));
        }
        let maximum = self.in_units_of_log2(scores, keys);
        let overflowed = self.overflowed(maximum, keys);
        Some(if overflowed.any() { self.recompute(scores, maximum, overflowed, keys) } else { maximum })
    }

    /// A function from a step of `keys`, the last that were written, to the mask of the lanes that see their key.
    #[inline(always)]
    pub fn sees(&self, keys: &Range<usize>) -> impl Fn(usize) -> I32x8 {
        self.panel.sees(self.memory.mask, keys)
    }

    /// As `sees`, for the row in column `c` and the key `offset` behind the first of `keys`.
    pub fn row_sees(&self, keys: &Range<usize>, offset: usize, c: usize) -> bool {
        self.panel.row_sees(self.memory.mask, keys, offset, c)
    }

    /// From the scaled query. What every row sees has its maximum when it is multiplied.
    fn in_units_of_log2(&mut self, scores: &mut [f32], keys: &Range<usize>) -> F32x8 {
        let rows = self.panel.rows;
        let open = self.open_part(keys);
        let mut maximum = F32x8::splat(f32::NEG_INFINITY);
        for part in [keys.start..open.start, open.clone(), open.end..keys.end] {
            if part.is_empty() {
                continue;
            }
            let start = (part.start - keys.start) * rows.columns;
            let place = start..start + rows.panel_length(part.len());
            let scores = &mut scores[place.clone()];
            let mut largest = if rows.columns == 1 {
                self.take_products(scores, &part)
            } else {
                multiply(scores, self.keys.part(&part), self.memory.scaled_query, rows.columns)
            };
            if part != open {
                finish(scores, &self.memory.mask[place], &self.panel, &part, Stage::Log2, Unit::Log2);
                largest = lane_maximum(scores);
            }
            maximum = maximum.pseudo_max(largest);
        }
        panel::maximum(maximum, rows.columns)
    }

    /// The part of `keys` whose products are scores: for every row, in whole register tiles.
    fn open_part(&self, keys: &Range<usize>) -> Range<usize> {
        let range = &self.panel.range;
        if !are_products_scores(&self.panel) {
            keys.start..keys.start
        } else if self.panel.rows.columns == PANEL {
            range.open_tiles(keys)
        } else if range.is_open(keys) {
            keys.clone()
        } else {
            keys.start..keys.start
        }
    }

    /// As `multiply`, for the scaled query of a single row, which is multiplied by several blocks of keys at once.
    fn take_products(&mut self, scores: &mut [f32], keys: &Range<usize>) -> F32x8 {
        let ScoresMemory { products, scaled_query, .. } = &mut *self.memory;
        if !self.multiplied.contains(&keys.start) {
            let end = (keys.start / KEY_BLOCK + SINGLE_ROW_BLOCKS) * KEY_BLOCK;
            self.multiplied = keys.start..end.min(self.panel.range.outer.end);
            let keys = self.keys.part(&self.multiplied);
            single_row::scores(&mut products[..self.multiplied.len()], keys, scaled_query);
        }
        let (scores_of_keys, beyond) = scores.split_at_mut(keys.len());
        scores_of_keys.copy_from_slice(&products[keys.start - self.multiplied.start..][..keys.len()]);
        beyond.fill(f32::NEG_INFINITY);
        lane_maximum(scores)
    }

    /// Mask of the rows that see any of `keys`, but whose scores in units of log 2 do not hold: the largest had to be clamped
    /// or is infinite, or their query left the range when it was scaled.
    fn overflowed(&self, maximum: F32x8, keys: &Range<usize>) -> I32x8 {
        let in_range = self.finite & maximum.abs().lt(F32x8::splat(SCORE_LIMIT));
        if in_range.all() {
            return I32x8::splat(0);
        }
        self.panel.sees_any(self.memory.mask, keys) & !in_range
    }

    /// Replaces the scores of the rows that overflowed by those in natural units. Returns each row's largest.
    #[cold]
    fn recompute(&mut self, scores: &mut [f32], maximum: F32x8, overflowed: I32x8, keys: &Range<usize>) -> F32x8 {
        let ScoresMemory { recomputed, natural_query, query_rows, mask, .. } = &mut *self.memory;
        let recomputed = &mut recomputed[..scores.len()];
        self.panel.read_query(natural_query, query_rows, 1.0);
        let exact_maximum =
            in_natural_units(recomputed, natural_query, mask, &self.panel, self.keys, keys, Stage::Log2);
        panel::for_each_pair(scores, recomputed, |fast, exact| overflowed.select(exact, fast));
        overflowed.select(exact_maximum, maximum)
    }
}

/// Mask of the rows of a panel `[size][columns]` that are finite throughout.
fn finite_rows(elements: &[f32], size: usize, rows: &QueryRows) -> I32x8 {
    let infinity = F32x8::splat(f32::INFINITY);
    let (steps, _) = elements[..rows.panel_length(size)].as_chunks::<PANEL>();
    let finite = steps.iter().fold(I32x8::splat(-1), |finite, step| finite & F32x8::load(step).abs().lt(infinity));
    panel::all(finite, rows.columns)
}

/// The scores of `keys` at a stage, from the query as it is. Returns each row's largest.
#[inline(never)]
fn in_natural_units(
    scores: &mut [f32],
    query: &[f32],
    mask: &[f32],
    panel: &QueryPanel<'_>,
    head_keys: Keys<'_>,
    keys: &Range<usize>,
    stage: Stage,
) -> F32x8 {
    multiply(scores, head_keys.part(keys), query, panel.rows.columns);
    finish(scores, &mask[..scores.len()], panel, keys, stage, Unit::Natural);
    panel::maximum(lane_maximum(scores), panel.rows.columns)
}

/// `scores[j][c] = Σ_d keys[j][d] · query[d][c]`, and the largest of each lane. Lanes beyond the last key are −Infinity.
fn multiply(scores: &mut [f32], keys: Keys<'_>, query: &[f32], columns: usize) -> F32x8 {
    let (scores_of_keys, beyond) = scores.split_at_mut(keys.count() * columns);
    beyond.fill(f32::NEG_INFINITY);
    if columns == 1 {
        single_row::scores(scores_of_keys, keys, query);
        return lane_maximum(scores);
    }
    let mut maximum = [f32::NEG_INFINITY; PANEL];
    register_tile::scores(scores_of_keys, &mut maximum[..columns], keys, query);
    F32x8::load(&maximum)
}

/// The largest score of each lane; NaN is passed over.
fn lane_maximum(scores: &[f32]) -> F32x8 {
    let none = F32x8::splat(f32::NEG_INFINITY);
    let (steps, _) = scores.as_chunks::<PANEL>();
    steps.iter().fold(none, |maximum, step| maximum.pseudo_max(F32x8::load(step)))
}
