//! The backward pass.
//!
//! ```text
//! for each batch b and key head h′
//!   dK [T, D] = 0   dV [T, Dv] = 0
//!   for each block Q [64, D] of query rows whose heads read h′                      (1)
//!     D [64] = Σ_d dO · O − dL + Σ_j w · dw of the gradients of weights             (2)
//!     dQ [64, D] = 0
//!     for each block J of keys that a row of it sees
//!       P [64, J]  = exp(S − r) / s                                                 (3)
//!       dP [64, J] = dO · V[J]ᵀ
//!       dS [64, J] = P · (dropout(dP) − D), with a softcap times 1 − tanh²          (4)
//!       dV[J] += dropout(P)ᵀ · dO
//!       dK[J] += dSᵀ · scale Q                                                      (5)
//!       dQ    += dS · K[J]
//!     query's gradient = scale · dQ
//! mask, slopes, sinks: sums of dS before the softcap (6)
//! ```
//!
//! One sweep, five products of matrices. (Dao et al. 2022, FlashAttention; Dao 2023, FlashAttention-2.) P is computed anew, by
//! the forward pass's own code and so with its very bits, from each row's reference r and inverse sum 1 / s, which the
//! forward pass has left. (The log-sum-exp would not do: where all scores are −1e9, it has lost ln s.)
//!
//! 1. Eight panels of 8 rows (`query_block`). Rows of a group's heads follow each other.
//! 2. 1 / s and dropout's factor are multiplied into dO and D beforehand, so that no score needs a multiplication of its own.
//! 3. For each panel as in the forward pass, in the same blocks of keys (`score_gradients`).
//! 4. Hidden keys are selected away: 0 · ∞ would be NaN.
//! 5. On a register tile of its own (`register_tile::add_products`). A block's sum starts from zero and is added as a whole, which
//!    halves the errors.
//! 6. By (b, h′) first, then over them in their order (`shared_gradients`).
//!
//! Sums go by rows and keys in ascending order, cut into blocks by the shapes alone. A task (b, h′) writes nothing that another
//! writes.

use super::arrays::{Elements, Heads, KeyHeads, ValueHeads};
use super::backward_call::{Cotangents, Forward, Gradients, HeadGradients, KeySums, Task};
use super::call::Attention;
use super::key_blocks::key_blocks;
use super::layout::Values;
use super::query_block::QueryBlock;
use super::query_rows::panels;
use super::score_gradients::{add_weights_cotangents, write_score_gradients};
use super::scratch::{BackwardScratch, BlockMemory};
use super::shared_gradients::SharedGradients;
use super::weighted_values::HeadValues;
use super::{panel, register_tile};
use crate::dtype::canonical;
use crate::simd::{F32x8, map};
use crate::tiles::{BLOCK_PANELS, KEY_BLOCK, PANEL, TILE};
use core::array::from_fn;
use core::ops::Range;

/// Computes the gradients. `scratch` is cut for the same call. The call's keys and values lie in rows.
pub fn attention_backward(
    mut gradients: Gradients<'_>,
    attention: &Attention<'_>,
    forward: &Forward<'_>,
    cotangents: &Cotangents<'_>,
    scratch: BackwardScratch<'_>,
) {
    let BackwardScratch { mut block, key, value, mut sums, shared } = scratch;
    block.zeros.fill(0.0);
    let sizes = &attention.sizes;
    let (KeyHeads::Rows(keys), ValueHeads::Rows(values)) = (&attention.key, &attention.value) else { panic!() };
    let mut shared = SharedGradients::new(shared, gradients.mask.take());
    for b in 0..sizes.batch {
        for key_head in 0..sizes.key_heads {
            let keys = keys.head(key, b, key_head, sizes.key_length, sizes.head_size);
            let values = values.head(value, b, key_head, sizes.key_length, sizes.value_head_size);
            let mut keys_as_values = HeadValues::new(Values::rows(keys));
            let task = Task { attention, forward, cotangents, b, key_head, keys, values };
            sums.keys.fill(0.0);
            sums.values.fill(0.0);
            shared.begin();
            let mut rows = panels(sizes, key_head);
            loop {
                // Deviation 1.
                let mut query_block = QueryBlock::read(&mut block, &task, rows.by_ref().take(BLOCK_PANELS));
                if query_block.panels().next().is_none() {
                    break;
                }
                add_weights_cotangents(&mut block, &task, &mut query_block);
                run_block(&mut block, &mut sums, &mut shared, &task, &mut keys_as_values, &query_block);
                if let Some(query) = &mut gradients.query {
                    write_query(query, &mut block, &task, &query_block);
                }
            }
            shared.end(&task);
            let Gradients { key, value, past_key, past_value, .. } = &mut gradients;
            write_rows(key, past_key, &cotangents.present_key, sums.keys, &task, sizes.head_size);
            write_rows(value, past_value, &cotangents.present_value, sums.values, &task, sizes.value_head_size);
        }
    }
    shared.finish(gradients.slopes, gradients.sinks, attention);
}

/// A block of query rows over all keys that it sees. The sums of its queries' gradients are left in the memory.
fn run_block(
    memory: &mut BlockMemory<'_>,
    sums: &mut KeySums<'_>,
    shared: &mut SharedGradients<'_>,
    task: &Task<'_>,
    keys_as_values: &mut HeadValues<'_>,
    query_block: &QueryBlock,
) {
    memory.query_sums.fill(0.0);
    let visible = || query_block.panels().map(|panel| &panel.keys).filter(|keys| !keys.is_empty());
    let first = visible().map(|keys| keys.start).min().unwrap_or(0);
    let end = visible().map(|keys| keys.end).max().unwrap_or(0);
    for keys in key_blocks(first..end) {
        let mut parts: [Range<usize>; BLOCK_PANELS] = from_fn(|_| keys.start..keys.start);
        let mut count = 0;
        for (p, panel) in query_block.panels().enumerate() {
            count = p + 1;
            let part = panel.keys.start.max(keys.start)..panel.keys.end.min(keys.end);
            if !part.is_empty() && write_score_gradients(memory, sums, shared, task, keys_as_values, panel, p, &part) {
                parts[p] = part;
            }
        }
        add_key_sums(sums, memory, task, &parts[..count], &keys);
    }
    shared.add_rows(task, query_block);
}

/// dV[J] += dropout(P)ᵀ · dO and dK[J] += dSᵀ · scale Q, of the parts of `keys` that the panels see. (Deviation 5.)
#[inline(never)]
fn add_key_sums(
    sums: &mut KeySums<'_>,
    memory: &mut BlockMemory<'_>,
    task: &Task<'_>,
    parts: &[Range<usize>],
    keys: &Range<usize>,
) {
    let block_start = keys.start / KEY_BLOCK * KEY_BLOCK;
    let (key_width, value_width) = task.widths();
    let weights = if task.attention.dropout.is_some() { &mut *memory.kept } else { &mut *memory.weights };
    for (p, part) in parts.iter().enumerate() {
        // Tiles reach over the ends of a panel's part.
        for block in [&mut *weights, &mut *memory.products] {
            let place = |j: usize| (p * KEY_BLOCK + j - block_start) * PANEL;
            block[place(keys.start)..place(part.start)].fill(0.0);
            block[place(part.end)..place(keys.end)].fill(0.0);
        }
    }
    let mut j = keys.start;
    while j < keys.end {
        // Only the last keys of a block don't fill a tile.
        let count = if keys.end - j >= TILE { TILE } else { 1 };
        let sees = |part: &Range<usize>| part.start < j + count && j < part.end;
        if let (Some(first), Some(last)) = (parts.iter().position(sees), parts.iter().rposition(sees)) {
            let start = (first * KEY_BLOCK + j - block_start) * PANEL;
            let panels = first..last + 1;
            let key_sums = &mut sums.keys[j * key_width..];
            register_tile::add_products(
                key_sums,
                &memory.products[start..],
                memory.query_columns,
                count,
                &panels,
                key_width,
            );
            let value_sums = &mut sums.values[j * value_width..];
            register_tile::add_products(
                value_sums,
                &weights[start..],
                memory.output_columns,
                count,
                &panels,
                value_width,
            );
        }
        j += count;
    }
}

/// scale · dQ to the rows of a block.
fn write_query(
    gradient: &mut HeadGradients<'_>,
    memory: &mut BlockMemory<'_>,
    task: &Task<'_>,
    query_block: &QueryBlock,
) {
    let size = task.attention.sizes.head_size;
    let scale = F32x8::splat(task.attention.scale);
    for (panel, sums) in query_block.panels().zip(memory.query_sums.chunks_exact_mut(size * PANEL)) {
        panel::for_each(sums, |sum| panel.lanes.select((sum * scale).map(canonical), F32x8::zero()));
        let rows = &panel.rows;
        let starts: [usize; PANEL] = from_fn(|c| gradient.strides.start(task.b, rows.heads[c], rows.indices[c]));
        panel::to_rows(gradient.elements, sums, &starts[..rows.row_count], size, PANEL);
    }
}

/// The sums of a key head, `size` columns of them, to the past's rows and the new ones.
fn write_rows<'a>(
    new: &mut Option<HeadGradients<'a>>,
    past: &mut Option<HeadGradients<'a>>,
    present: &Option<Heads<'_>>,
    sums: &mut [f32],
    task: &Task<'_>,
    size: usize,
) {
    let Task { b, key_head, .. } = *task;
    let past_length = task.attention.sizes.past_length;
    for (j, sums) in sums.chunks_exact_mut(size.next_multiple_of(PANEL)).enumerate() {
        if let Some(Heads { elements: Elements::Float32(elements), strides }) = present {
            let start = strides.start(b, key_head, j);
            for (sum, cotangent) in sums.iter_mut().zip(&elements[start..start + size]) {
                *sum += cotangent;
            }
        }
        let (gradient, row) = if j < past_length { (&mut *past, j) } else { (&mut *new, j - past_length) };
        if let Some(gradient) = gradient {
            let start = gradient.strides.start(b, key_head, row);
            map(&mut gradient.elements[start..start + size], &sums[..size], canonical);
        }
    }
}
