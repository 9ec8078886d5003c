//! The products of attention against the sums that they are, in the order of their additions: bit by bit. The memory is
//! of exactly the needed size, so that Miri sees whatever reads beyond it.

use crate::sample::sample;
use std::ops::Range;
use wasm_attention::attention::layout::{KeyStrips, Keys, StripsExist, Values};
use wasm_attention::attention::matrix::Matrix;
use wasm_attention::attention::{register_tile, single_row};
use wasm_attention::simd::F32x4;
use wasm_attention::tiles::{KEY_BLOCK, PANEL};

/// Stands behind what is written, and stays.
const GUARD: [f32; 8] = [9.0; 8];

/// a · b + c as the arithmetic has it.
fn multiply_add(a: f32, b: f32, c: f32) -> f32 {
    F32x4::splat(a).mul_add(F32x4::splat(b), F32x4::splat(c)).to_array()[0]
}

/// Rows at a distance, without anything after the last; and the same as strips of keys and of values, as long as they must
/// be, with NaN where there is nothing.
pub struct StoredRows {
    elements: Vec<f32>,
    key_strips: Vec<f32>,
    value_strips: Vec<f32>,
    pub count: usize,
    pub size: usize,
    pub stride: usize,
}

impl StoredRows {
    pub fn new(count: usize, size: usize, gap: usize) -> Self {
        let stride = size + gap;
        let length = if count == 0 { 0 } else { (count - 1) * stride + size };
        let elements = sample(length, 1);
        let mut key_strips = vec![f32::NAN; count.div_ceil(12) * 12 * size];
        let mut value_strips = vec![f32::NAN; size * count];
        for j in 0..count {
            for d in 0..size {
                key_strips[j / 12 * 12 * size + d * 12 + j % 12] = elements[j * stride + d];
                let first = d / 48 * 48;
                value_strips[first * count + j * (size - first).min(48) + d % 48] = elements[j * stride + d];
            }
        }
        Self { elements, key_strips, value_strips, count, size, stride }
    }

    fn rows(&self) -> Matrix<'_> {
        Matrix::new(&self.elements, self.stride, self.count, self.size)
    }

    /// As keys in rows, and in strips.
    fn keys(&self) -> [Keys<'_>; 2] {
        [
            Keys::Rows(self.rows()),
            Keys::Strips(KeyStrips::new(StripsExist::Natively, &self.key_strips, self.count, self.size)),
        ]
    }

    /// As values in rows, and in strips.
    fn values(&self) -> [Values<'_>; 2] {
        [Values::rows(self.rows()), Values::strips(&self.value_strips, self.count, self.count, self.size)]
    }

    fn at(&self, row: usize, column: usize) -> f32 {
        self.elements[row * self.stride + column]
    }

    fn name(&self) -> String {
        format!("{} rows of {} at a distance of {}", self.count, self.size, self.stride)
    }
}

fn assert_same_bits(name: &str, actual: &[f32], expected: &[f32]) {
    let bits = |values: &[f32]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
    assert_eq!(bits(actual), bits(expected), "{name}: {actual:?}, expected {expected:?}");
}

/// Scores of the rows as keys, for so many columns of queries.
pub fn check_scores(keys: &StoredRows, columns: usize) {
    let StoredRows { count, size, .. } = *keys;
    let panel = sample(size * columns, 2);
    let (mut expected, mut largest) = (Vec::new(), vec![0.25_f32; columns]);
    for j in 0..count {
        for c in 0..columns {
            let score = (0..size).fold(0.0, |sum, d| multiply_add(keys.at(j, d), panel[d * columns + c], sum));
            expected.push(score);
            largest[c] = largest[c].max(score);
        }
    }
    let name = format!("scores, {}, {columns} columns", keys.name());
    expected.extend(GUARD);
    for stored in keys.keys() {
        let mut scores = [vec![0.0; count * columns], GUARD.to_vec()].concat();
        let mut maximum = vec![0.25; columns];
        register_tile::scores(&mut scores[..count * columns], &mut maximum, stored, &panel);
        assert_same_bits(&name, &scores, &expected);
        assert_same_bits(&name, &maximum, &largest);
    }
}

/// Sums of the rows as values, for so many columns of weights.
pub fn check_sums(values: &StoredRows, columns: usize, is_first: bool) {
    let StoredRows { count, size, .. } = *values;
    let weights = sample(count * columns, 3);
    let before = sample(size * columns, 4);
    let mut expected = Vec::new();
    for d in 0..size {
        for c in 0..columns {
            let sum = (0..count).fold(0.0, |sum, j| multiply_add(values.at(j, d), weights[j * columns + c], sum));
            expected.push(if is_first { sum } else { sum + before[d * columns + c] });
        }
    }
    let name = format!("sums, {}, {columns} columns, first: {is_first}", values.name());
    expected.extend(GUARD);
    for stored in values.values() {
        let mut sums = [&before[..], &GUARD].concat();
        register_tile::accumulate(&mut sums[..size * columns], stored, &weights, columns, is_first);
        assert_same_bits(&name, &sums, &expected);
    }
}

/// Scores of the rows as keys, for a single query.
pub fn check_single_scores(keys: &StoredRows) {
    let StoredRows { count, size, .. } = *keys;
    let query = sample(size, 5);
    let score = |j: usize| (0..size).fold(0.0, |sum, d| multiply_add(keys.at(j, d), query[d], sum));
    let expected: Vec<f32> = (0..count).map(score).chain(GUARD).collect();
    for stored in keys.keys() {
        let mut scores = [vec![0.0; count], GUARD.to_vec()].concat();
        single_row::scores(&mut scores[..count], stored, &query);
        assert_same_bits(&format!("single row, scores, {}", keys.name()), &scores, &expected);
    }
}

/// Sums of the rows as values, for a single row of weights.
pub fn check_single_sums(values: &StoredRows) {
    let StoredRows { count, size, .. } = *values;
    let weights = sample(count, 6);
    let before = sample(size, 7);
    let mut expected = before.clone();
    for (d, total) in expected.iter_mut().enumerate() {
        *total = (0..count).fold(*total, |sum, j| multiply_add(values.at(j, d), weights[j], sum));
    }
    expected.extend(GUARD);
    for stored in values.values() {
        let mut sums = [&before[..], &GUARD].concat();
        single_row::accumulate(&mut sums[..size], stored, &weights);
        assert_same_bits(&format!("single row, sums, {}", values.name()), &sums, &expected);
    }
}

/// Rows of a block of query rows, in panels.
const BLOCK_ROWS: usize = 64;

/// Sums over the rows of some panels, for so many keys and columns.
pub fn check_products(keys: usize, width: usize, panels: &Range<usize>) {
    // Between the panels' weights lies what is not read.
    let mut weights = vec![f32::NAN; (panels.len() - 1) * KEY_BLOCK * PANEL + keys * PANEL];
    for (p, panel) in weights.chunks_mut(KEY_BLOCK * PANEL).enumerate() {
        panel[..keys * PANEL].copy_from_slice(&sample(keys * PANEL, 10 + p as u64));
    }
    let mut columns = vec![f32::NAN; width * BLOCK_ROWS];
    for eight in columns.chunks_mut(BLOCK_ROWS * PANEL) {
        let rows = panels.start * PANEL * PANEL..panels.end * PANEL * PANEL;
        eight[rows.clone()].copy_from_slice(&sample(rows.len(), 8));
    }
    let before = sample(keys * width, 9);
    let mut expected = before.clone();
    for (n, total) in expected.iter_mut().enumerate() {
        let (j, d) = (n / width, n % width);
        let rows = panels.clone().flat_map(|p| (0..PANEL).map(move |q| (p, q)));
        *total += rows.fold(0.0, |sum, (p, q)| {
            let weight = weights[((p - panels.start) * KEY_BLOCK + j) * PANEL + q];
            let column = columns[(d / PANEL * BLOCK_ROWS + p * PANEL + q) * PANEL + d % PANEL];
            multiply_add(weight, column, sum)
        });
    }
    expected.extend(GUARD);
    let mut sums = [&before[..], &GUARD].concat();
    register_tile::add_products(&mut sums[..keys * width], &weights, &columns, keys, panels, width);
    assert_same_bits(&format!("products, {keys} keys, {width} columns, panels {panels:?}"), &sums, &expected);
}
