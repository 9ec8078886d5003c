//! The scores of one block of keys for a panel of query rows.
//!
//! ```text
//! product = Σ_d (factor · query[d]) · key[d]                       one chain from zero
//! score   = product · scale, softcap, − slope · distance, + mask    −Infinity where hidden
//! ```
//!
//! The same steps run in two *units*. In those of log 2, as the softmax takes scores, the queries are multiplied beforehand
//! by scale · log2 e (by scale / softcap, where there is a softcap), so that without further options the product is the
//! score. Natural units take the queries as they are: for the stages that can be looked at, for scales that the queries
//! can't be multiplied by, and for rows whose scores in units of log 2 overflowed.

use super::layout::Keys;
use super::scratch::{Block, PanelMemory};
use super::visibility::PanelRange;
use super::{Attention, Lanes, panel, register_tile, single_row};
use crate::math::tanh;
use crate::simd::{F32x4, I32x4, LANES};
use crate::tiles::{KEY_BLOCK, PANEL, SINGLE_ROW_BLOCKS};
use core::array::from_fn;
use core::f32::consts::LOG2_E;
use core::ops::Range;

/// Finite scores are clamped to ±2^126 before the softmax: −FLT_MAX · log2 e must not become −Infinity.
const SCORE_LIMIT: f32 = 8.507_059e37;

/// Factors in this range of magnitude leave room for queries up to 2^110 when multiplied in beforehand.
const FACTORS: Range<f32> = 1e-18..65536.0;

/// Softcaps in this range leave scores up to 2^126 in range when divided by beforehand, and those of keys up to 2^110
/// exact enough where the scaled query becomes subnormal.
const SOFTCAPS: Range<f32> = 0.5..65536.0;

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

/// Which query rows stand in a panel.
pub struct PanelRows {
    /// Query head of each lane.
    pub heads: [usize; PANEL],
    /// Row of each lane. A panel with fewer than 8 rows repeats its last.
    pub rows: [usize; PANEL],
    /// How many there are.
    pub count: usize,
    /// Lanes that hold different rows: 8, 4 or 1. The others hold the same rows again, at further keys.
    pub width: usize,
}

impl PanelRows {
    /// As narrow as `count` rows, 1 to 8, allow; `row(c)` is the head and the number of the c-th.
    pub fn narrow(count: usize, row: impl Fn(usize) -> (usize, usize)) -> Self {
        let width = match count {
            1 => 1,
            2..=LANES => LANES,
            _ => PANEL,
        };
        Self::new(count, width, row)
    }

    /// With a given width.
    pub fn new(count: usize, width: usize, row: impl Fn(usize) -> (usize, usize)) -> Self {
        let rows: [(usize, usize); PANEL] = from_fn(|lane| row((lane % width).min(count - 1)));
        Self { heads: rows.map(|(head, _)| head), rows: rows.map(|(_, row)| row), count, width }
    }

    /// Steps of 8 lanes that `elements` of each row take.
    pub fn steps(&self, elements: usize) -> usize {
        (elements * self.width).div_ceil(PANEL)
    }
}

/// Up to eight query rows that share a key head.
pub struct QueryPanel<'a> {
    attention: &'a Attention<'a>,
    /// Batch.
    pub b: usize,
    /// The keys of their head.
    keys: Keys<'a>,
    /// The rows.
    pub rows: &'a PanelRows,
    /// The keys that the rules open to them.
    pub range: PanelRange,
    /// Of a single row, the keys whose products with it are in `Block::products`.
    multiplied: Range<usize>,
    positions: [I32x4; 2],
    slopes: Lanes,
    /// What the query is multiplied by for scores in units of log 2; None where it can't be.
    log2_factor: Option<f32>,
    /// Mask of the lanes whose scaled query is finite throughout.
    finite: [I32x4; 2],
}

/// What queries are multiplied by for scores in units of log 2, if they can be: the product is then raw · log2 e, or raw /
/// softcap.
fn log2_factor(attention: &Attention<'_>) -> Option<f32> {
    let Attention { scale, softcap, .. } = *attention;
    let factor = scale * if softcap == 0.0 { LOG2_E } else { 1.0 / softcap };
    let is_softcap_in_range = softcap == 0.0 || SOFTCAPS.contains(&softcap);
    (is_softcap_in_range && FACTORS.contains(&factor.abs())).then_some(factor)
}

/// In which a score is computed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Unit {
    Log2,
    Natural,
}

impl<'a> QueryPanel<'a> {
    /// Reads the rows into the panel's memory.
    pub fn load(
        attention: &'a Attention<'a>,
        b: usize,
        keys: Keys<'a>,
        rows: &'a PanelRows,
        memory: &mut PanelMemory<'_>,
    ) -> Self {
        let sizes = &attention.sizes;
        let rules = attention.visibility.rules(b, sizes.query_length, sizes.past_length, sizes.key_length);
        let slopes = attention.slopes.map_or([F32x4::zero(); 2], |slopes| {
            F32x4::lanes(|lane| slopes.slopes[b * slopes.batch_stride + rows.heads[lane]])
        });
        let mut panel = Self {
            attention,
            b,
            keys,
            range: PanelRange::new(&rules, &rows.rows, rows.width),
            multiplied: 0..0,
            positions: I32x4::lanes(|lane| (rows.rows[lane] as i64 + rules.offset) as i32),
            slopes,
            rows,
            log2_factor: log2_factor(attention),
            finite: [I32x4::splat(-1); 2],
        };
        if let Some(factor) = panel.log2_factor {
            panel.read_query(memory.scaled, memory.rows, factor);
            // An infinite query makes all scores of its row infinite or NaN, which is seen in their maximum; but not
            // behind a softcap.
            if attention.softcap != 0.0 {
                let mut finite = panel.finite;
                for step in 0..rows.steps(sizes.head_size) {
                    let scaled = panel::load(memory.scaled, step);
                    finite = from_fn(|half| finite[half] & scaled[half].abs().lt(F32x4::splat(f32::INFINITY)));
                }
                panel.finite = panel::all(finite, rows.width);
            }
        }
        panel
    }

    /// The rows times `factor`, side by side. Lanes beyond the end of the last step are 0.
    fn read_query(&self, output: &mut [f32], buffer: &mut [f32], factor: f32) {
        let depth = self.attention.sizes.head_size;
        let rows = self.rows;
        let read = self.attention.query.gather(self.b, &rows.heads, &rows.rows, rows.width, depth, buffer);
        panel::from_rows(output, &read[..rows.width], factor);
        let length = depth * rows.width;
        if !length.is_multiple_of(PANEL) {
            output[length..length.next_multiple_of(PANEL)].fill(0.0);
        }
    }

    /// Whether every row surely sees all of `keys`.
    pub fn is_open(&self, keys: &Range<usize>) -> bool {
        self.attention.mask.is_none() && self.range.is_open(keys)
    }

    /// A function from a step of `keys` to the mask of the lanes that see their key, by the rules and by the user's mask
    /// (`block.mask`, as `read_mask` left it).
    #[inline(always)]
    pub fn sees(&self, mask: &[f32], keys: &Range<usize>) -> impl Fn(usize) -> [I32x4; 2] {
        let bounds = self.range.bounds(keys.end);
        let first = keys.start;
        move |step| {
            let by_rules = bounds.sees(bounds.keys(first + step * PANEL / self.rows.width));
            if self.attention.mask.is_none() {
                return by_rules;
            }
            let added = panel::load(mask, step);
            from_fn(|half| by_rules[half] & !added[half].eq(F32x4::splat(f32::NEG_INFINITY)))
        }
    }

    /// As `sees`, for row `c` and the key `offset` behind the first of `keys`.
    pub fn row_sees(&self, mask: &[f32], keys: &Range<usize>, offset: usize, c: usize) -> bool {
        let by_mask = self.attention.mask.is_none() || mask[offset * self.rows.width + c] != f32::NEG_INFINITY;
        by_mask && self.range.row_sees(c, keys.start + offset)
    }

    /// Reads the user's mask for `keys` into the block; false when it hides all of them from all rows.
    fn read_mask(&self, block: &mut Block<'_>, keys: &Range<usize>) -> bool {
        match &self.attention.mask {
            Some(mask) => mask.read_tile(block.mask, block.rows, self.b, self.rows, keys.clone()),
            None => true,
        }
    }

    /// The scores of `keys` at a stage, into `block.scores`; from `Stage::Score` on −Infinity where hidden. Returns each row's
    /// largest (NaN passed over), or None when no row sees any of the keys: then there are none.
    pub fn scores(
        &mut self,
        memory: &mut PanelMemory<'_>,
        block: &mut Block<'_>,
        keys: &Range<usize>,
        stage: Stage,
    ) -> Option<Lanes> {
        if !self.read_mask(block, keys) && matches!(stage, Stage::Score | Stage::Log2) {
            return None;
        }
        if stage != Stage::Log2 || self.log2_factor.is_none() {
            return Some(self.in_natural_units(memory, block, keys, stage));
        }
        let maximum = self.in_units_of_log2(memory.scaled, block, keys);
        // A largest score that had to be clamped or is infinite, or a query that left the range when scaled: unless no key
        // is visible.
        let in_range: [I32x4; 2] =
            from_fn(|half| self.finite[half] & maximum[half].abs().lt(F32x4::splat(SCORE_LIMIT)));
        if in_range[0].all() && in_range[1].all() {
            return Some(maximum);
        }
        let seen = self.sees_any(block.mask, keys);
        let overflowed: [I32x4; 2] = from_fn(|half| seen[half] & !in_range[half]);
        if !(overflowed[0] | overflowed[1]).any() {
            return Some(maximum);
        }
        core::mem::swap(&mut block.scores, &mut block.recomputed);
        let exact_maximum = self.in_natural_units(memory, block, keys, stage);
        core::mem::swap(&mut block.scores, &mut block.recomputed);
        for step in 0..self.rows.steps(keys.len()) {
            let fast = panel::load(block.scores, step);
            let exact = panel::load(block.recomputed, step);
            panel::store(block.scores, step, from_fn(|half| overflowed[half].select(exact[half], fast[half])));
        }
        Some(from_fn(|half| overflowed[half].select(exact_maximum[half], maximum[half])))
    }

    /// From the scaled query. What every row sees has its maximum when it is multiplied.
    fn in_units_of_log2(&mut self, scaled: &[f32], block: &mut Block<'_>, keys: &Range<usize>) -> Lanes {
        let width = self.rows.width;
        let open = match () {
            () if !self.is_plain() => keys.start..keys.start,
            () if width == PANEL => self.range.open_tiles(keys),
            () if self.range.is_open(keys) => keys.clone(),
            () => keys.start..keys.start,
        };
        let mut maximum = [F32x4::splat(f32::NEG_INFINITY); 2];
        for part in [keys.start..open.start, open.clone(), open.end..keys.end] {
            if part.is_empty() {
                continue;
            }
            let from = (part.start - keys.start) * width;
            let to = from + self.rows.steps(part.len()) * PANEL;
            let scores = &mut block.scores[from..to];
            let mut largest = if width == 1 {
                self.take_products(scores, block.products, scaled, &part)
            } else {
                self.multiply(scores, self.keys.part(&part), scaled)
            };
            if part != open {
                self.adjust(scores, &block.mask[from..to], &part, Stage::Log2, Unit::Log2);
                largest = lane_maximum(scores);
            }
            maximum = from_fn(|half| maximum[half].pseudo_max(largest[half]));
        }
        panel::maximum(maximum, width)
    }

    /// From the query as it is.
    fn in_natural_units(
        &self,
        memory: &mut PanelMemory<'_>,
        block: &mut Block<'_>,
        keys: &Range<usize>,
        stage: Stage,
    ) -> Lanes {
        let length = self.rows.steps(keys.len()) * PANEL;
        let scores = &mut block.scores[..length];
        self.read_query(memory.query, memory.rows, 1.0);
        self.multiply(scores, self.keys.part(keys), memory.query);
        self.adjust(scores, &block.mask[..length], keys, stage, Unit::Natural);
        panel::maximum(lane_maximum(scores), self.rows.width)
    }

    /// Whether products are scores, but for the rules.
    fn is_plain(&self) -> bool {
        let attention = self.attention;
        attention.softcap == 0.0 && attention.slopes.is_none() && attention.mask.is_none()
    }

    /// Turns products into scores at a stage: each step in a pass of its own.
    fn adjust(&self, scores: &mut [f32], mask: &[f32], keys: &Range<usize>, stage: Stage, unit: Unit) {
        let attention = self.attention;
        // Read from memory, as in `weigh`.
        let unit_factor = core::hint::black_box(F32x4::splat(if unit == Unit::Log2 { LOG2_E } else { 1.0 }));
        let hidden = core::hint::black_box(F32x4::splat(f32::NEG_INFINITY));
        let steps = scores.len() / PANEL;
        let has_softcap = attention.softcap != 0.0 && stage != Stage::Raw;
        if unit == Unit::Natural {
            let scale = F32x4::splat(attention.scale);
            panel::for_each(scores, steps, |dot| dot.map(|dot| dot * scale));
            if has_softcap {
                let softcap = F32x4::splat(attention.softcap);
                panel::for_each(scores, steps, |raw| raw.map(|raw| raw / softcap));
            }
        }
        if has_softcap {
            let softcap = F32x4::splat(attention.softcap) * unit_factor;
            panel::for_each(scores, steps, |ratio| ratio.map(|ratio| softcap * tanh(ratio)));
        }
        if matches!(stage, Stage::Raw | Stage::Capped) {
            return;
        }
        if attention.slopes.is_some() {
            let slopes = self.slopes.map(|slope| slope * unit_factor);
            let bounds = self.range.bounds(keys.end);
            panel::for_each_step(scores, |step, score| {
                let keys = bounds.keys(keys.start + step * PANEL / self.rows.width);
                from_fn(|half| {
                    let distance = (self.positions[half] - keys[half]).to_f32().abs();
                    slopes[half].negative_mul_add(distance, score[half])
                })
            });
        }
        if attention.mask.is_some() {
            for (scores, mask) in scores.as_chunks_mut::<PANEL>().0.iter_mut().zip(mask.as_chunks::<PANEL>().0) {
                let (score, added) = (panel::load(scores, 0), panel::load(mask, 0));
                // Added to a NaN, −Infinity would not hide it.
                let sum = from_fn(|half| {
                    added[half].eq(hidden).select(hidden, added[half].mul_add(unit_factor, score[half]))
                });
                panel::store(scores, 0, sum);
            }
        }
        if stage == Stage::Log2 && unit == Unit::Natural {
            let limit = F32x4::splat(SCORE_LIMIT);
            panel::for_each(scores, steps, |score| {
                score.map(|score| {
                    let clamped = score.pseudo_max(-limit).pseudo_min(limit);
                    score.abs().lt(F32x4::splat(f32::INFINITY)).select(clamped, score) * F32x4::splat(LOG2_E)
                })
            });
        }
        if !self.range.is_open(keys) {
            let bounds = self.range.bounds(keys.end);
            panel::for_each_step(scores, |step, score| {
                let sees = bounds.sees(bounds.keys(keys.start + step * PANEL / self.rows.width));
                from_fn(|half| sees[half].select(score[half], hidden))
            });
        }
        scores[keys.len() * self.rows.width..].fill(f32::NEG_INFINITY);
    }

    /// Mask of the rows that see any of `keys`.
    fn sees_any(&self, mask: &[f32], keys: &Range<usize>) -> [I32x4; 2] {
        let sees = self.sees(mask, keys);
        let mut seen = [I32x4::splat(0); 2];
        for step in 0..self.rows.steps(keys.len()) {
            let sees = sees(step);
            seen = from_fn(|half| seen[half] | sees[half]);
        }
        panel::any(seen, self.rows.width)
    }

    /// `scores[j][c] = Σ_d keys[j][d] · panel[d][c]`, and the largest of each lane. Lanes beyond the last key are −Infinity.
    fn multiply(&self, scores: &mut [f32], keys: Keys<'_>, panel: &[f32]) -> Lanes {
        let width = self.rows.width;
        let (scores_of_keys, beyond) = scores.split_at_mut(keys.count() * width);
        beyond.fill(f32::NEG_INFINITY);
        if width == 1 {
            single_row::scores(scores_of_keys, keys, panel);
            return lane_maximum(scores);
        }
        let mut maximum = [f32::NEG_INFINITY; PANEL];
        register_tile::scores(scores_of_keys, &mut maximum[..width], keys, panel);
        panel::load(&maximum, 0)
    }

    /// As `multiply`, for the scaled query of a single row, which is multiplied by several blocks of keys at once.
    fn take_products(
        &mut self,
        scores: &mut [f32],
        products: &mut [f32],
        scaled: &[f32],
        keys: &Range<usize>,
    ) -> Lanes {
        if !self.multiplied.contains(&keys.start) {
            let end = (keys.start / KEY_BLOCK + SINGLE_ROW_BLOCKS) * KEY_BLOCK;
            self.multiplied = keys.start..end.min(self.range.outer.end);
            single_row::scores(&mut products[..self.multiplied.len()], self.keys.part(&self.multiplied), scaled);
        }
        let (scores_of_keys, beyond) = scores.split_at_mut(keys.len());
        scores_of_keys.copy_from_slice(&products[keys.start - self.multiplied.start..][..keys.len()]);
        beyond.fill(f32::NEG_INFINITY);
        lane_maximum(scores)
    }
}

/// The largest score of each lane; NaN is passed over.
fn lane_maximum(scores: &[f32]) -> Lanes {
    let mut maximum = [F32x4::splat(f32::NEG_INFINITY); 2];
    for scores in scores.as_chunks::<PANEL>().0 {
        let score = panel::load(scores, 0);
        maximum = from_fn(|half| maximum[half].pseudo_max(score[half]));
    }
    maximum
}
