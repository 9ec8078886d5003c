//! A block of query rows, as the products of the backward pass read it.

use super::backward::Task;
use super::online_softmax::sink_weight;
use super::panel;
use super::query_panel::QueryPanel;
use super::query_rows::{PanelRows, QueryRows};
use super::score_gradients::sum_weights_cotangents;
use super::scratch::BlockMemory;
use crate::simd::{F32x8, I32x8};
use crate::tiles::{KEY_STRIP, PANEL};
use core::array::from_fn;
use core::ops::Range;

/// Panels of a block: 64 rows.
pub const PANELS: usize = 8;

/// The common factor of the forward pass's weights, which its inverse sums have to cancel.
const FACTOR: f32 = 4_294_967_296.0;

/// What is known of a panel's rows, by lane.
pub struct BlockPanel {
    pub rows: QueryRows,
    /// The lanes that stand for a row that sees a key.
    pub lanes: I32x8,
    /// The keys that the rules open to them, from where the forward pass begins its first block.
    pub keys: Range<usize>,
    /// r; 0 for rows that see no key.
    pub reference: F32x8,
    /// 1 / s; 0 for rows that see no key, or nothing but their sink.
    pub inverse: F32x8,
    /// δ − dL.
    pub difference: F32x8,
    /// D: (δ − dL) / s.
    pub delta: F32x8,
    /// Whether all of scale · Q and dO / s is finite.
    pub is_finite: bool,
}

impl BlockPanel {
    /// Whether lane `c` stands for a row that sees a key.
    pub fn has_row(&self, c: usize) -> bool {
        self.lanes.select(F32x8::splat(1.0), F32x8::zero()).to_array()[c] != 0.0
    }
}

/// Up to 64 rows.
pub struct QueryBlock {
    panels: [Option<BlockPanel>; PANELS],
}

impl QueryBlock {
    /// Reads the rows of up to eight panels.
    #[inline(never)]
    pub fn read(memory: &mut BlockMemory<'_>, task: &Task<'_>, mut rows: impl Iterator<Item = PanelRows>) -> Self {
        memory.query_columns.fill(0.0);
        memory.output_columns.fill(0.0);
        Self { panels: from_fn(|p| rows.next().map(|rows| read_panel(memory, task, p, rows))) }
    }

    pub fn panels(&self) -> impl Iterator<Item = &BlockPanel> {
        self.panels.iter().flatten()
    }
}

/// Panel `p` of the memory, and what is known of its rows.
fn read_panel(memory: &mut BlockMemory<'_>, task: &Task<'_>, p: usize, rows: PanelRows) -> BlockPanel {
    let Task { attention, forward, cotangents, b, .. } = *task;
    let sizes = &attention.sizes;
    let rows = QueryRows::new(rows.count, PANEL, |c| rows.row(c));
    let numbers: [usize; PANEL] = from_fn(|c| sizes.row_number(b, rows.heads[c], rows.indices[c]));
    let of_rows = |values: &[f32]| F32x8::from_fn(|lane| values[numbers[lane]]);

    let reference = of_rows(forward.references);
    let masked = reference.eq(F32x8::splat(f32::NEG_INFINITY));
    let inverse = of_rows(forward.inverses) * F32x8::splat(FACTOR);
    let query_panel = QueryPanel::new(attention, b, &rows);
    let visible = &query_panel.range.outer;
    let keys = visible.start / KEY_STRIP * KEY_STRIP..visible.end;

    // δ = Σ_d dO · O, and dO's panel times 1 / s and dropout's factor. (Deviation 2 of `backward`.)
    let size = sizes.value_head_size;
    let cotangent = &mut memory.output_panels[p * size * PANEL..(p + 1) * size * PANEL];
    panel::from_rows(cotangent, &cotangents.output.gather(memory.rows, b, &rows, size), 1.0);
    panel::from_rows(memory.output, &forward.output.gather(memory.rows, b, &rows, size), 1.0);
    let mut dot = F32x8::zero();
    for step in 0..size {
        dot = panel::load(cotangent, step).mul_add(panel::load(memory.output, step), dot);
    }
    let log_sum_exp = cotangents.log_sum_exp.map_or(F32x8::zero(), of_rows);
    // A row that sees no key has none of it, whatever it holds.
    let dot = masked.select(F32x8::zero(), dot);
    let kept = F32x8::splat(attention.dropout.as_ref().map_or(1.0, |dropout| dropout.scale));
    let factor = inverse * kept;
    panel::for_each(cotangent, |value| masked.select(F32x8::zero(), value * factor));

    let mut panel = BlockPanel {
        lanes: I32x8::from_fn(|lane| -i32::from(lane < rows.row_count)) & !masked,
        rows,
        keys,
        reference: masked.select(F32x8::zero(), reference),
        inverse,
        difference: dot - log_sum_exp,
        delta: F32x8::zero(),
        is_finite: true,
    };
    panel.difference = panel.difference + sum_weights_cotangents(memory, task, &panel);
    panel.delta = inverse * panel.difference;
    panel.is_finite = copy_columns(memory, task, p, &panel.rows);
    panel
}

/// The rows of scale · Q and of dO / s, eight columns of them side by side. What isn't finite must not meet the weights of keys
/// that its row doesn't see: there stands 0 in its place. Whether all is finite.
fn copy_columns(memory: &mut BlockMemory<'_>, task: &Task<'_>, p: usize, rows: &QueryRows) -> bool {
    let Task { attention, b, .. } = *task;
    let sizes = &attention.sizes;
    let mut all_finite = true;
    let mut copy = |column: &mut f32, x: f32| {
        all_finite &= x.is_finite();
        *column = if x.is_finite() { x } else { 0.0 };
    };
    let query = attention.query.gather(memory.rows, b, rows, sizes.head_size);
    for (c, row) in query[..rows.row_count].iter().enumerate() {
        for (d, x) in row.iter().enumerate() {
            copy(&mut memory.query_columns[place(p, c, d)], x * attention.scale);
        }
    }
    let size = sizes.value_head_size * PANEL;
    for (d, lanes) in memory.output_panels[p * size..(p + 1) * size].as_chunks::<PANEL>().0.iter().enumerate() {
        for (c, &x) in lanes[..rows.row_count].iter().enumerate() {
            copy(&mut memory.output_columns[place(p, c, d)], x);
        }
    }
    all_finite
}

/// Where element d of row c of panel p stands in column panels `[size / 8][64][8]`.
const fn place(p: usize, c: usize, d: usize) -> usize {
    (d / PANEL * PANELS + p) * PANEL * PANEL + c * PANEL + d % PANEL
}

/// Each row's part of the gradient of its head's sink.
pub fn sink_gradients(task: &Task<'_>, panel: &BlockPanel) -> Option<F32x8> {
    let sinks = task.attention.sinks?;
    let sinks = F32x8::from_fn(|lane| sinks[panel.rows.heads[lane]]);
    let weights = sink_weight(sinks, panel.reference, panel.inverse * F32x8::splat(1.0 / FACTOR));
    let gradients = weights * (F32x8::zero() - panel.difference);
    // A sink of −Infinity takes no part, whatever the row holds.
    Some(sinks.eq(F32x8::splat(f32::NEG_INFINITY)).select(F32x8::zero(), gradients))
}
