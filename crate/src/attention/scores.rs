//! The scores of one block of keys for a panel of 8 query rows.
//!
//! There are two ways to the same numbers. The fast one serves calls without softcap, ALiBi and mask: the query panel is
//! multiplied by scale · log2 e once, and the product is the score in units of log 2. The other one goes step by step in
//! natural units, as `attention`'s equations stand; it also recomputes single rows whose fast scores overflowed.

use super::scratch::{Block, Scratch};
use super::visibility::PanelRange;
use super::{Attention, Lanes, PANEL, panel, register_tile};
use crate::math::tanh;
use crate::simd::{F32x4, I32x4};
use core::array::from_fn;
use core::f32::consts::LOG2_E;
use core::ops::Range;

/// Finite scores are clamped to ±2^126 before the softmax: −FLT_MAX · log2 e must not become −Infinity.
const SCORE_LIMIT: f32 = 8.507_059e37;

/// Scales in this range of magnitude leave room for queries up to 2^110 when multiplied in beforehand.
const FAST_SCALES: Range<f32> = 1e-18..65536.0;

/// How far a score is computed: the four values that can be looked at.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// scale · query · key, for every key.
    Raw,
    /// After the softcap, for every key.
    Capped,
    /// After ALiBi and masks; −Infinity where hidden.
    Score,
    /// The score clamped and in units of log 2, as the softmax takes it.
    Log2,
}

/// Eight query rows of one head.
pub struct QueryPanel<'a> {
    attention: &'a Attention<'a>,
    /// Batch.
    pub b: usize,
    /// Query head.
    pub h: usize,
    /// Row numbers; a panel with fewer than 8 rows repeats its last.
    pub rows: [usize; PANEL],
    /// The keys that the rules open to them.
    pub range: PanelRange,
    positions: [I32x4; 2],
    /// Mask of the rows whose scaled query is finite throughout.
    finite: [I32x4; 2],
}

/// Whether the fast way may be taken.
fn is_fast(attention: &Attention<'_>) -> bool {
    let is_plain = attention.softcap == 0.0 && attention.slopes.is_none() && attention.mask.is_none();
    is_plain && (FAST_SCALES.contains(&attention.scale.abs()) || attention.scale == 0.0)
}

impl<'a> QueryPanel<'a> {
    /// Reads up to 8 rows into the scratch's panels.
    pub fn load(attention: &'a Attention<'a>, b: usize, h: usize, rows: &[usize], scratch: &mut Scratch<'_>) -> Self {
        let sizes = &attention.sizes;
        let depth = sizes.head_size;
        let last = rows.len() - 1;
        let all_rows: [usize; PANEL] = from_fn(|c| rows[c.min(last)]);
        let query_rows = &mut scratch.rows[..PANEL * depth];
        for (row, &i) in query_rows.chunks_exact_mut(depth).zip(&all_rows) {
            attention.query.read_row(row, b, h, i);
        }
        panel::from_rows(scratch.query, query_rows, depth);

        let factor = F32x4::splat(attention.scale * LOG2_E);
        let mut finite = [I32x4::splat(-1); 2];
        for d in 0..depth {
            let scaled = panel::load(scratch.query, d).map(|query| query * factor);
            finite = from_fn(|half| finite[half] & scaled[half].abs().lt(F32x4::splat(f32::INFINITY)));
            panel::store(scratch.query_log2, d, scaled);
        }

        let rules = attention.visibility.rules(b, sizes.query_length, sizes.past_length, sizes.key_length);
        let positions =
            from_fn(|half| I32x4::from_array(from_fn(|c| (all_rows[half * 4 + c] as i64 + rules.offset) as i32)));
        Self { attention, b, h, rows: all_rows, range: PanelRange::new(&rules, &all_rows), positions, finite }
    }

    fn key_head(&self) -> usize {
        self.h / (self.attention.sizes.heads / self.attention.sizes.key_heads)
    }

    /// Mask of the rows that see key `keys.start + step`, by the rules and by the user's mask (`block.mask`, as
    /// `read_mask` left it).
    #[inline(always)]
    pub fn sees(&self, mask: &[f32], keys: &Range<usize>, step: usize) -> [I32x4; 2] {
        let by_rules = self.range.sees(keys.start + step);
        if self.attention.mask.is_none() {
            return by_rules;
        }
        let added = panel::load(mask, step);
        from_fn(|half| by_rules[half] & !added[half].eq(F32x4::splat(f32::NEG_INFINITY)))
    }

    /// Whether every row surely sees all of `keys`.
    pub fn is_open(&self, keys: &Range<usize>) -> bool {
        self.attention.mask.is_none() && self.range.is_open(keys)
    }

    /// Reads the user's mask for `keys` into the block; false when it hides all of them from all rows.
    fn read_mask(&self, block: &mut Block<'_>, keys: &Range<usize>) -> bool {
        match &self.attention.mask {
            Some(mask) => {
                let buffer = &mut block.rows[..PANEL * keys.len()];
                mask.read_tile(block.mask, buffer, self.b, self.h, &self.rows, keys.clone())
            }
            None => true,
        }
    }

    /// The scores of `keys` in units of log 2, −Infinity where hidden, into `block.scores`. Returns each row's largest
    /// (NaN passed over), or None when no row sees any of the keys: then there are no scores.
    pub fn log2_scores(
        &self,
        query: &[f32],
        query_log2: &[f32],
        block: &mut Block<'_>,
        keys: &Range<usize>,
    ) -> Option<Lanes> {
        if !self.read_mask(block, keys) {
            return None;
        }
        if !is_fast(self.attention) {
            self.stepwise(query, block, keys, Stage::Log2);
            return Some(column_maximum(block.scores, keys.len()));
        }
        let maximum = self.fast(query_log2, block, keys);
        let overflowed = self.overflowed(maximum, keys);
        if !(overflowed[0].any() || overflowed[1].any()) {
            return Some(maximum);
        }
        core::mem::swap(&mut block.scores, &mut block.recomputed);
        self.stepwise(query, block, keys, Stage::Log2);
        core::mem::swap(&mut block.scores, &mut block.recomputed);
        for step in 0..keys.len() {
            let fast = panel::load(block.scores, step);
            let exact = panel::load(block.recomputed, step);
            panel::store(block.scores, step, from_fn(|half| overflowed[half].select(exact[half], fast[half])));
        }
        Some(column_maximum(block.scores, keys.len()))
    }

    /// The scores of `keys` at a stage in natural units, into `block.scores`.
    pub fn staged_scores(&self, query: &[f32], block: &mut Block<'_>, keys: &Range<usize>, stage: Stage) {
        if !self.read_mask(block, keys) {
            // An entirely hidden tile is not transposed; every other reader skips it.
            block.mask[..keys.len() * PANEL].fill(f32::NEG_INFINITY);
        }
        self.stepwise(query, block, keys, stage);
    }

    /// The product with the scaled panel; the keys that not every row sees are done apart, with a test.
    fn fast(&self, query_log2: &[f32], block: &mut Block<'_>, keys: &Range<usize>) -> Lanes {
        let mut maximum = [f32::NEG_INFINITY; PANEL];
        for part in self.range.parts(keys) {
            let (key_head, depth) = (self.key_head(), self.attention.sizes.head_size);
            let rows = self.attention.key.rows(self.b, key_head, part.start, part.len(), depth, block.key);
            let scores = &mut block.scores[(part.start - keys.start) * PANEL..(part.end - keys.start) * PANEL];
            if self.range.is_open(&part) {
                register_tile::scores(scores, &mut maximum, rows, query_log2);
            } else {
                register_tile::scores(scores, &mut [0.0; PANEL], rows, query_log2);
                let hidden = F32x4::splat(f32::NEG_INFINITY);
                let mut largest = panel::load(&maximum, 0);
                for (step, scores) in scores.as_chunks_mut::<PANEL>().0.iter_mut().enumerate() {
                    let sees = self.range.sees(part.start + step);
                    let score = panel::load(scores, 0);
                    let score: Lanes = from_fn(|half| sees[half].select(score[half], hidden));
                    panel::store(scores, 0, score);
                    largest = from_fn(|half| largest[half].pseudo_max(score[half]));
                }
                panel::store(&mut maximum, 0, largest);
            }
        }
        panel::load(&maximum, 0)
    }

    /// Mask of the rows whose fast scores may be wrong: a largest score that had to be clamped or is infinite though
    /// keys are visible, or a query that left the range when scaled.
    fn overflowed(&self, maximum: Lanes, keys: &Range<usize>) -> [I32x4; 2] {
        let sees_any = self.range.sees_any(keys);
        from_fn(|half| {
            let finite = self.finite[half] & maximum[half].abs().lt(F32x4::splat(SCORE_LIMIT));
            sees_any[half] & !finite
        })
    }

    /// The equations one after the other, into `block.scores`.
    fn stepwise(&self, query: &[f32], block: &mut Block<'_>, keys: &Range<usize>, stage: Stage) {
        let attention = self.attention;
        let (key_head, depth) = (self.key_head(), attention.sizes.head_size);
        let rows = attention.key.rows(self.b, key_head, keys.start, keys.len(), depth, block.key);
        register_tile::scores(block.scores, &mut [0.0; PANEL], rows, query);

        let slope = attention.slopes.map(|slopes| slopes.slopes[self.b * slopes.batch_stride + self.h]);
        let scale = F32x4::splat(attention.scale);
        let softcap = F32x4::splat(attention.softcap);
        let limit = F32x4::splat(SCORE_LIMIT);
        let infinity = F32x4::splat(f32::INFINITY);
        for step in 0..keys.len() {
            let mut score = panel::load(block.scores, step).map(|dot| dot * scale);
            if attention.softcap != 0.0 && stage != Stage::Raw {
                score = score.map(|raw| softcap * tanh(raw / softcap));
            }
            if stage == Stage::Score || stage == Stage::Log2 {
                if let Some(slope) = slope {
                    let key = I32x4::splat((keys.start + step) as i32);
                    score = from_fn(|half| {
                        let distance = (self.positions[half] - key).to_f32().abs();
                        score[half] - F32x4::splat(slope) * distance
                    });
                }
                if attention.mask.is_some() {
                    let added = panel::load(block.mask, step);
                    score = from_fn(|half| score[half] + added[half]);
                }
                let sees = self.sees(block.mask, keys, step);
                score = from_fn(|half| {
                    let mut score = score[half];
                    if stage == Stage::Log2 {
                        let clamped = score.pseudo_max(-limit).pseudo_min(limit);
                        score = score.abs().lt(infinity).select(clamped, score) * F32x4::splat(LOG2_E);
                    }
                    sees[half].select(score, -infinity)
                });
            }
            panel::store(block.scores, step, score);
        }
    }
}

fn column_maximum(scores: &[f32], keys: usize) -> Lanes {
    let mut maximum = [F32x4::splat(f32::NEG_INFINITY); 2];
    for step in 0..keys {
        let score = panel::load(scores, step);
        maximum = from_fn(|half| maximum[half].pseudo_max(score[half]));
    }
    maximum
}
