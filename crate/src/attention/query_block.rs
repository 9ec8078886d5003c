//! A block of query rows, as the products of the backward pass read it.

use super::backward_call::Task;
use super::online_softmax::{FACTOR, sink_weight};
use super::panel;
use super::query_panel::QueryPanel;
use super::query_rows::{PanelRows, QueryRows};
use super::scratch::BlockMemory;
use crate::simd::{F32x8, I32x8};
use crate::tiles::{BLOCK_PANELS, KEY_STRIP, PANEL};
use core::array::from_fn;
use core::ops::Range;

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
    /// δ − dL, δ as yet without what the gradients of weights add.
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
    panels: [Option<BlockPanel>; BLOCK_PANELS],
}

impl QueryBlock {
    /// Reads the rows of up to eight panels.
    #[inline(never)]
    pub fn read(memory: &mut BlockMemory<'_>, task: &Task<'_>, mut rows: impl Iterator<Item = PanelRows>) -> Self {
        memory.query_columns.fill(0.0);
        memory.output_columns.fill(0.0);
        let mut block = Self { panels: [const { None }; BLOCK_PANELS] };
        for (p, panel) in block.panels.iter_mut().enumerate() {
            *panel = rows.next().map(|rows| read_panel(memory, task, p, rows));
        }
        block
    }

    pub fn panels(&self) -> impl Iterator<Item = &BlockPanel> {
        self.panels.iter().flatten()
    }

    pub fn panels_mut(&mut self) -> impl Iterator<Item = &mut BlockPanel> {
        self.panels.iter_mut().flatten()
    }
}

/// Panel `p` of the memory, and what is known of its rows.
fn read_panel(memory: &mut BlockMemory<'_>, task: &Task<'_>, p: usize, rows: PanelRows) -> BlockPanel {
    let Task { attention, forward, cotangents, b, .. } = *task;
    let sizes = &attention.sizes;
    let rows = QueryRows::new(rows.count, PANEL, |c| rows.row(c));
    let numbers: [usize; PANEL] = from_fn(|c| sizes.row_number(b, rows.heads[c], rows.indices[c]));
    let of_rows = |values: &[f32]| pick(values, &numbers);

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
        delta: inverse * (dot - log_sum_exp),
        is_finite: true,
    };
    let count = panel.rows.row_count;
    let query = attention.query.gather(memory.rows, b, &panel.rows, sizes.head_size);
    let queries_are_finite = copy_rows(memory.query_columns, &query[..count], &[attention.scale; PANEL], p);
    let mut seeing = cotangents.output.gather(memory.rows, b, &panel.rows, size);
    // Rows that see no key stay 0, whatever they hold.
    let mut factors = factor.to_array();
    for (c, row) in seeing.iter_mut().enumerate() {
        if !panel.has_row(c) {
            (*row, factors[c]) = (&[], 0.0);
        }
    }
    panel.is_finite = copy_rows(memory.output_columns, &seeing[..count], &factors, p) && queries_are_finite;
    panel
}

/// The numbers of eight rows.
#[inline(never)]
fn pick(values: &[f32], numbers: &[usize; PANEL]) -> F32x8 {
    let mut picked = [0.0; PANEL];
    for (value, &number) in picked.iter_mut().zip(numbers) {
        *value = values[number];
    }
    F32x8::load(&picked)
}

/// The rows times their factors, eight columns of them side by side, `[size / 8][64][8]` from panel `p` on. What isn't finite must
/// not meet the weights of keys that its row doesn't see: there stands 0 in its place. Whether all is finite.
#[inline(never)]
fn copy_rows(columns: &mut [f32], rows: &[&[f32]], factors: &[f32; PANEL], p: usize) -> bool {
    let mut all_finite = I32x8::splat(-1);
    let mut copy = |element: F32x8, factor: f32, to: &mut [f32]| {
        let scaled = element * F32x8::splat(factor);
        let is_finite = scaled.abs().lt(F32x8::splat(f32::INFINITY));
        all_finite = all_finite & is_finite;
        is_finite.select(scaled, F32x8::zero()).store(to);
    };
    for (c, (row, &factor)) in rows.iter().zip(factors).enumerate() {
        let (chunks, rest) = row.as_chunks::<PANEL>();
        let start = |chunk: usize| (chunk * BLOCK_PANELS + p) * PANEL * PANEL + c * PANEL;
        for (d, chunk) in chunks.iter().enumerate() {
            copy(F32x8::load(chunk), factor, &mut columns[start(d)..]);
        }
        if !rest.is_empty() {
            let mut padded = [0.0; PANEL];
            padded[..rest.len()].copy_from_slice(rest);
            copy(F32x8::load(&padded), factor, &mut columns[start(chunks.len())..]);
        }
    }
    all_finite.all()
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
