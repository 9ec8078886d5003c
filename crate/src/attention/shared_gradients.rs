//! The gradients of what heads and batches may share: a float mask, ALiBi's slopes, the sinks.
//!
//! ```text
//! mask[…]      Σ dS over the axes that it broadcasts
//! slopes[b, h] −Σ_{i, j} |p − j| · dS
//! sinks[h]     Σ_{b, i} w_sink · (dL − δ)           w_sink = exp(sink − log-sum-exp)
//! ```
//!
//! Each task, one batch and key head, has sums of its own, which are added in the order of the tasks.

use super::backward_call::{Task, is_mask_shared, mask_place};
use super::call::Attention;
use super::mask::Mask;
use super::panel;
use super::query_block::{BlockPanel, QueryBlock, sink_gradients};
use super::query_panel::QueryPanel;
use super::scratch::SharedMemory;
use crate::dtype::canonical_scalar;
use crate::simd::F32x8;
use crate::sum::accumulate;
use crate::tiles::PANEL;
use core::ops::Range;

pub struct SharedGradients<'a> {
    memory: SharedMemory<'a>,
    mask: Option<&'a mut [f32]>,
}

impl<'a> SharedGradients<'a> {
    /// Gradients of 0.
    pub fn new(memory: SharedMemory<'a>, mut mask: Option<&'a mut [f32]>) -> Self {
        memory.slopes.fill(0.0);
        memory.sinks.fill(0.0);
        if let Some(mask) = &mut mask {
            mask.fill(0.0);
        }
        Self { memory, mask }
    }

    /// Before a task.
    pub fn begin(&mut self) {
        self.memory.mask.fill(0.0);
    }

    /// After a task.
    pub fn end(&mut self, task: &Task<'_>) {
        let (Some(mask), Some(gradient)) = (&task.attention.mask, &mut self.mask) else {
            return;
        };
        let place = mask_place(task.attention, mask, task.b, task.key_head);
        if is_mask_shared(task.attention, mask) {
            accumulate(&mut gradient[place], self.memory.mask);
        }
    }

    /// Adds the gradients of a panel's scores for `keys`, `[keys][8]`.
    pub fn add_scores(
        &mut self,
        gradients: &[f32],
        task: &Task<'_>,
        query_panel: &QueryPanel<'_>,
        panel: &BlockPanel,
        keys: &Range<usize>,
    ) {
        if let (Some(mask), Some(gradient)) = (&task.attention.mask, &mut self.mask) {
            let sums = if is_mask_shared(task.attention, mask) {
                &mut *self.memory.mask
            } else {
                &mut gradient[mask_place(task.attention, mask, task.b, task.key_head)]
            };
            add_mask(sums, gradients, mask, task, panel, keys);
        }
        if !self.memory.slopes.is_empty() {
            let bounds = query_panel.range.bounds(keys.end);
            let mut sum = F32x8::zero();
            for step in 0..keys.len() {
                let distance = (query_panel.positions - bounds.keys(keys.start + step)).to_f32().abs();
                sum = distance.negative_mul_add(panel::load(gradients, step), sum);
            }
            add_by_head(self.memory.slopes, sum, task, panel);
        }
    }

    /// Adds what a block's rows give to the sinks.
    pub fn add_rows(&mut self, task: &Task<'_>, query_block: &QueryBlock) {
        if self.memory.sinks.is_empty() {
            return;
        }
        for panel in query_block.panels() {
            if let Some(gradient) = sink_gradients(task, panel) {
                add_by_head(self.memory.sinks, gradient, task, panel);
            }
        }
    }

    /// Adds the sums of batches and heads.
    pub fn finish(self, slopes: Option<&mut [f32]>, sinks: Option<&mut [f32]>, attention: &Attention<'_>) {
        for (gradient, sums) in [(slopes, &*self.memory.slopes), (sinks, &*self.memory.sinks)] {
            if let Some(gradient) = gradient {
                gradient.fill(0.0);
                // `[H]` is shared by the batches, `[B, H]` is not.
                for sums in sums.chunks_exact(gradient.len().max(attention.sizes.heads)) {
                    accumulate(gradient, sums);
                }
            }
        }
        if let Some(mask) = self.mask {
            for element in mask {
                *element = canonical_scalar(*element);
            }
        }
    }
}

/// Adds the lanes to the sums of their heads, in the order of the rows.
fn add_by_head(sums: &mut [f32], lanes: F32x8, task: &Task<'_>, panel: &BlockPanel) {
    for (lane, value) in lanes.to_array().into_iter().enumerate().take(panel.rows.row_count) {
        sums[task.b * task.attention.sizes.heads + panel.rows.heads[lane]] += value;
    }
}

/// Adds a panel's gradients to the elements of the mask that it read; `sums` begins with those of the task.
fn add_mask(
    sums: &mut [f32],
    gradients: &[f32],
    mask: &Mask<'_>,
    task: &Task<'_>,
    panel: &BlockPanel,
    keys: &Range<usize>,
) {
    let first_head = task.key_head * task.attention.sizes.group();
    let starts = panel.rows.heads.map(|head| (head - first_head) * mask.head_stride);
    let covered = keys.start..keys.end.min(mask.keys).max(keys.start);
    for (j, lanes) in covered.zip(gradients.as_chunks::<PANEL>().0) {
        for (c, gradient) in lanes.iter().enumerate().take(panel.rows.row_count) {
            sums[starts[c] + panel.rows.indices[c] * mask.row_stride + j * mask.key_stride] += gradient;
        }
    }
}
