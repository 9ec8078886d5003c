//! The weights of a panel's rows, and the gradients of its scores, for a block of keys.
//!
//! ```text
//! P  = exp(S − r)            the weight is P / s
//! dP = dO / s · V[J]ᵀ        0 where dropped; plus the gradients of the weights / s
//! dS = P · (dP − D)          plus the gradients of the scores; times 1 − tanh² with a softcap
//! ```

use super::backward_call::{KeySums, Task, WeightsCotangent};
use super::key_blocks::key_blocks;
use super::layout::Keys;
use super::online_softmax::Power;
use super::query_block::{BlockPanel, QueryBlock};
use super::query_rows::QueryRows;
use super::score_steps::Stage;
use super::scores::PanelScores;
use super::scratch::BlockMemory;
use super::shared_gradients::SharedGradients;
use super::weighted_values::HeadValues;
use super::weights::WeightsMode;
use super::{panel, register_tile};
use crate::simd::F32x8;
use crate::tiles::{KEY_BLOCK, PANEL};
use core::f32::consts::LOG2_E;
use core::ops::Range;

/// Writes P, what dropout leaves of it, and dS of `keys`, a part of a block, to panel `p` of the memory; adds to the sums of the
/// query, and to those of the mask and the slopes, and what isn't finite to those of the keys. False when no row sees any of
/// them.
#[inline(never)]
pub fn write_score_gradients(
    memory: &mut BlockMemory<'_>,
    sums: &mut KeySums<'_>,
    shared: &mut SharedGradients<'_>,
    task: &Task<'_>,
    keys_as_values: &mut HeadValues<'_>,
    panel: &BlockPanel,
    p: usize,
    keys: &Range<usize>,
) -> bool {
    let attention = task.attention;
    let sizes = &attention.sizes;
    let start = (p * KEY_BLOCK + keys.start % KEY_BLOCK) * PANEL;
    let place = start..start + keys.len() * PANEL;
    let weights = &mut memory.weights[place.clone()];
    let mut scores = PanelScores::new(&mut memory.scores, attention, task.b, Keys::Rows(task.keys), &panel.rows);
    let has_softcap = attention.softcap != 0.0;
    let capped = &mut memory.capped[..if has_softcap { keys.len() * PANEL } else { 0 }];
    if !weigh(weights, capped, &mut scores, panel, keys) {
        return false;
    }
    let products = &mut memory.products[place.clone()];
    let output_size = sizes.value_head_size * PANEL;
    let cotangent = &memory.output_panels[p * output_size..(p + 1) * output_size];
    register_tile::scores(products, &mut [f32::NEG_INFINITY; PANEL], Keys::Rows(task.values.part(keys)), cotangent);

    let kept = match &attention.dropout {
        Some(_) => &mut memory.kept[place],
        None => &mut [],
    };
    let of_weights = task.cotangents.weights.as_ref();
    let mode = of_weights.map(|weights| weights.mode);
    if let Some(of_weights) = of_weights {
        of_weights.read(memory.cotangents, memory.zeros, task.b, &panel.rows, keys);
    }
    if mode == Some(WeightsMode::Dropout) {
        let kept = attention.dropout.as_ref().map_or(1.0, |dropout| dropout.scale);
        add_scaled(products, memory.cotangents, panel.inverse * F32x8::splat(kept));
    }
    if let Some(dropout) = &attention.dropout {
        kept.copy_from_slice(weights);
        dropout.drop_weights(kept, task.b, &panel.rows, keys);
        // Weights of 0 meet whatever there is; they need not be told from dropped ones.
        panel::for_each_pair(products, kept, |product, weight| weight.eq(F32x8::zero()).select(F32x8::zero(), product));
    }
    if mode == Some(WeightsMode::Softmax) {
        add_scaled(products, memory.cotangents, panel.inverse);
    }
    let delta = panel.delta;
    panel::for_each_pair(products, weights, |product, weight| weight * (product - delta));
    if mode == Some(WeightsMode::Score) {
        add_scaled(products, memory.cotangents, F32x8::splat(1.0));
    }
    hide(products, &scores, panel, keys);
    shared.add_scores(products, task, &scores.panel, panel, keys);
    if has_softcap {
        // score = softcap · log2 e · tanh(raw / softcap), if nothing has been added to it
        let mut bound = attention.softcap * LOG2_E;
        if attention.mask.is_some() || attention.slopes.is_some() {
            scores.write(capped, keys, Stage::Capped);
            bound = attention.softcap;
        }
        let (bound, one) = (F32x8::splat(bound), F32x8::splat(1.0));
        panel::for_each_pair(products, capped, |gradient, capped| {
            let t = capped / bound;
            gradient * t.negative_mul_add(t, one)
        });
        hide(products, &scores, panel, keys);
    }
    let query_sums = &mut memory.query_sums[p * sizes.head_size * PANEL..(p + 1) * sizes.head_size * PANEL];
    keys_as_values.accumulate(query_sums, products, &mut memory.keys, &scores, keys, false);
    if !panel.is_finite {
        let kept = if attention.dropout.is_some() { &*kept } else { &*weights };
        add_infinite(sums, memory.rows, products, kept, cotangent, &scores, task, panel, keys);
    }
    true
}

/// P of `keys`; false when no row sees any. The scores in units of log 2 are copied as far as there is room for them.
#[inline(never)]
fn weigh(
    weights: &mut [f32],
    copy: &mut [f32],
    scores: &mut PanelScores<'_, '_>,
    panel: &BlockPanel,
    keys: &Range<usize>,
) -> bool {
    let is_visible = scores.write(weights, keys, Stage::Log2).is_some();
    if is_visible {
        copy.copy_from_slice(&weights[..copy.len()]);
        let (power, reference) = (Power::plain(), panel.reference);
        panel::for_each(weights, |score| power.of(score - reference));
        hide(weights, scores, panel, keys);
    }
    is_visible
}

#[inline(never)]
fn add_scaled(sums: &mut [f32], addends: &[f32], factor: F32x8) {
    panel::for_each_pair(sums, addends, |sum, addend| addend.mul_add(factor, sum));
}

/// Sets to 0 what no row sees, which may be NaN. (Deviation 4 of `backward`.)
#[inline(never)]
fn hide(block: &mut [f32], scores: &PanelScores<'_, '_>, panel: &BlockPanel, keys: &Range<usize>) {
    let open = if panel.lanes.all() { scores.panel.open_keys(keys) } else { keys.start..keys.start };
    let sees = scores.sees(keys);
    let mut hide = |part: Range<usize>| {
        for step in part.start - keys.start..part.end - keys.start {
            let lanes = &mut block[step * PANEL..];
            (sees(step) & panel.lanes).select(F32x8::load(lanes), F32x8::zero()).store(lanes);
        }
    };
    hide(keys.start..open.start);
    hide(open.end..keys.end);
}

/// Adds the elements of scale · Q and of dO / s that aren't finite, times the weights of the keys that their rows see: the block of
/// rows has zeros in their places.
#[cold]
#[inline(never)]
fn add_infinite(
    sums: &mut KeySums<'_>,
    buffer: &mut [f32],
    products: &[f32],
    kept: &[f32],
    cotangent: &[f32],
    scores: &PanelScores<'_, '_>,
    task: &Task<'_>,
    panel: &BlockPanel,
    keys: &Range<usize>,
) {
    let attention = task.attention;
    let (key_width, value_width) = task.widths();
    let query = attention.query.gather(buffer, task.b, &panel.rows, attention.sizes.head_size);
    let add = |sum: &mut f32, factor: f32, x: f32| {
        if !x.is_finite() {
            *sum += factor * x;
        }
    };
    for (offset, j) in keys.clone().enumerate() {
        for (c, query) in query[..panel.rows.row_count].iter().enumerate() {
            if !panel.has_row(c) || !scores.row_sees(keys, offset, c) {
                continue;
            }
            let at = offset * PANEL + c;
            for (d, x) in query.iter().enumerate() {
                add(&mut sums.keys[j * key_width + d], products[at], x * attention.scale);
            }
            for (d, lanes) in cotangent.as_chunks::<PANEL>().0.iter().enumerate() {
                add(&mut sums.values[j * value_width + d], kept[at], lanes[c]);
            }
        }
    }
}

/// Adds to δ each row's Σ_j w · dw of the gradients of its weights, in all panels.
pub fn add_weights_cotangents(memory: &mut BlockMemory<'_>, task: &Task<'_>, query_block: &mut QueryBlock) {
    if let Some(of_weights) = task.cotangents.weights.as_ref().filter(|weights| weights.mode.is_normalized()) {
        for panel in query_block.panels_mut() {
            panel.difference = panel.difference + sum_weights_cotangents(memory, task, of_weights, panel);
            panel.delta = panel.inverse * panel.difference;
        }
    }
}

/// Each row's Σ_j w · dw of the gradients of its weights: mode 3's with w, mode 4's with what dropout makes of it.
fn sum_weights_cotangents(
    memory: &mut BlockMemory<'_>,
    task: &Task<'_>,
    of_weights: &WeightsCotangent<'_>,
    panel: &BlockPanel,
) -> F32x8 {
    let Task { attention, b, .. } = *task;
    let mut total = F32x8::zero();
    let mut factor = panel.inverse;
    for keys in key_blocks(panel.keys.clone()) {
        let weights = &mut memory.weights[..keys.len() * PANEL];
        let mut scores = PanelScores::new(&mut memory.scores, attention, b, Keys::Rows(task.keys), &panel.rows);
        if !weigh(weights, &mut [], &mut scores, panel, &keys) {
            continue;
        }
        if let (Some(dropout), WeightsMode::Dropout) = (&attention.dropout, of_weights.mode) {
            dropout.drop_weights(weights, b, &panel.rows, &keys);
            factor = panel.inverse * F32x8::splat(dropout.scale);
        }
        of_weights.read(memory.cotangents, memory.zeros, b, &panel.rows, &keys);
        // What is hidden must not meet a gradient that isn't finite.
        let gradients = &mut memory.cotangents[..keys.len() * PANEL];
        hide(gradients, &scores, panel, &keys);
        let mut sum = F32x8::zero();
        for step in 0..keys.len() {
            sum = panel::load(weights, step).mul_add(panel::load(gradients, step), sum);
        }
        total = total + sum;
    }
    total * factor
}

impl WeightsCotangent<'_> {
    /// The gradients of the weights of a panel's rows for `keys`, `[keys][8]`; 0 where they were not asked for. `zeros` is as long
    /// as a block of keys.
    #[inline(never)]
    fn read(&self, output: &mut [f32], zeros: &[f32], b: usize, rows: &QueryRows, keys: &Range<usize>) {
        let mut read = [&zeros[..keys.len()]; PANEL];
        let mut factors = [0.0; PANEL];
        for lane in 0..rows.columns {
            let head = usize::try_from(self.head_places[rows.heads[lane]]);
            let row = usize::try_from(self.row_places[rows.indices[lane]]);
            if let (Ok(head), Ok(row)) = (head, row) {
                let start = ((b * self.heads + head) * self.rows + row) * self.key_length;
                read[lane] = &self.elements[start + keys.start..start + keys.end];
                factors[lane] = self.head_factors[rows.heads[lane]];
            }
        }
        let output = &mut output[..keys.len() * PANEL];
        panel::from_rows(output, &read, 1.0);
        let factors = F32x8::load(&factors);
        panel::for_each(output, |gradient| gradient * factors);
    }
}
