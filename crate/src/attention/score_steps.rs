//! From the products of a block to its scores, each step in a pass of its own over `[keys][columns]`.
//!
//! ```text
//! scale       product · scale                             in natural units; in those of log 2 the query has the factor
//! cap         softcap · tanh(score / softcap)
//! penalize    score − slope · distance                    ALiBi
//! add_mask    score + mask                                −Infinity where the mask hides
//! to_log2     score · log2 e, finite ones clamped before  in natural units
//! hide        −Infinity where the rules hide
//! ```

use super::panel;
use super::query_panel::QueryPanel;
use crate::math::tanh;
use crate::simd::{F32x4, F32x8};
use crate::tiles::PANEL;
use core::f32::consts::LOG2_E;
use core::hint::black_box;
use core::ops::Range;

/// Finite scores are clamped to ±2^126 before the softmax: −FLT_MAX · log2 e must not become −Infinity.
pub const SCORE_LIMIT: f32 = 8.507_059e37;

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

/// In which a score is computed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    Log2,
    Natural,
}

/// Whether products in units of log 2 are scores, but for the rules.
pub fn are_products_scores(panel: &QueryPanel<'_>) -> bool {
    let attention = panel.attention;
    attention.softcap == 0.0 && attention.slopes.is_none() && attention.mask.is_none()
}

/// Turns products into scores at a stage. `mask` is what the user's mask adds to them.
pub fn finish(scores: &mut [f32], mask: &[f32], panel: &QueryPanel<'_>, keys: &Range<usize>, stage: Stage, unit: Unit) {
    let attention = panel.attention;
    // Read from memory, as in `weigh`.
    let unit_factor = F32x8::repeat(black_box(F32x4::splat(if unit == Unit::Log2 { LOG2_E } else { 1.0 })));
    let hidden = F32x8::repeat(black_box(F32x4::splat(f32::NEG_INFINITY)));
    let softcap = F32x8::splat(attention.softcap);
    let has_softcap = attention.softcap != 0.0 && stage != Stage::Raw;
    if unit == Unit::Natural {
        scale(scores, F32x8::splat(attention.scale));
        if has_softcap {
            panel::for_each(scores, |raw| raw / softcap);
        }
    }
    if has_softcap {
        cap(scores, softcap * unit_factor);
    }
    if matches!(stage, Stage::Raw | Stage::Capped) {
        return;
    }
    if attention.slopes.is_some() {
        penalize(scores, panel.slopes * unit_factor, panel, keys);
    }
    if attention.mask.is_some() {
        add_mask(scores, mask, unit_factor, hidden);
    }
    if stage == Stage::Log2 && unit == Unit::Natural {
        to_log2(scores);
    }
    if !panel.range.is_open(keys) {
        hide(scores, hidden, panel, keys);
    }
    scores[keys.len() * panel.rows.columns..].fill(f32::NEG_INFINITY);
}

fn scale(scores: &mut [f32], factor: F32x8) {
    panel::for_each(scores, |product| product * factor);
}

/// Of scores divided by the softcap.
fn cap(scores: &mut [f32], softcap: F32x8) {
    panel::for_each(scores, |ratio| softcap * ratio.map(tanh));
}

fn penalize(scores: &mut [f32], slopes: F32x8, panel: &QueryPanel<'_>, keys: &Range<usize>) {
    let bounds = panel.range.bounds(keys.end);
    panel::for_each_step(scores, |step, score| {
        let keys = bounds.keys(keys.start + step * PANEL / panel.rows.columns);
        slopes.negative_mul_add((panel.positions - keys).to_f32().abs(), score)
    });
}

fn add_mask(scores: &mut [f32], mask: &[f32], unit_factor: F32x8, hidden: F32x8) {
    // Added to a NaN, −Infinity would not hide it.
    panel::for_each_pair(scores, mask, |score, added| {
        added.eq(hidden).select(hidden, added.mul_add(unit_factor, score))
    });
}

fn to_log2(scores: &mut [f32]) {
    let (limit, lowest) = (F32x8::splat(SCORE_LIMIT), F32x8::splat(-SCORE_LIMIT));
    panel::for_each(scores, |score| {
        let clamped = score.pseudo_max(lowest).pseudo_min(limit);
        score.abs().lt(F32x8::splat(f32::INFINITY)).select(clamped, score) * F32x8::splat(LOG2_E)
    });
}

fn hide(scores: &mut [f32], hidden: F32x8, panel: &QueryPanel<'_>, keys: &Range<usize>) {
    let bounds = panel.range.bounds(keys.end);
    panel::for_each_step(scores, |step, score| {
        bounds.sees(bounds.keys(keys.start + step * PANEL / panel.rows.columns)).select(score, hidden)
    });
}
