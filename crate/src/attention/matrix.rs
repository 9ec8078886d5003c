//! A matrix in memory whose rows stand at a distance: one head's keys or values, as tensors have them.

use core::ops::Range;

/// `[row_count, columns]`; a row's elements are contiguous, rows begin `row_stride` elements apart.
#[derive(Clone, Copy)]
pub struct Matrix<'a> {
    elements: &'a [f32],
    row_stride: usize,
    row_count: usize,
    columns: usize,
}

impl<'a> Matrix<'a> {
    /// Panics unless every row lies inside `elements`.
    pub fn new(elements: &'a [f32], row_stride: usize, row_count: usize, columns: usize) -> Self {
        assert!(row_count == 0 || (row_count - 1) * row_stride + columns <= elements.len());
        Self { elements, row_stride, row_count, columns }
    }

    /// Some of its rows.
    pub fn part(&self, rows: &Range<usize>) -> Self {
        assert!(rows.start <= rows.end && rows.end <= self.row_count);
        let first = if rows.is_empty() { 0 } else { rows.start * self.row_stride };
        Self { elements: &self.elements[first..], row_count: rows.len(), ..*self }
    }

    pub fn row(&self, row: usize) -> &'a [f32] {
        assert!(row < self.row_count);
        &self.elements[row * self.row_stride..][..self.columns]
    }

    pub fn row_count(&self) -> usize {
        self.row_count
    }

    pub fn columns(&self) -> usize {
        self.columns
    }

    pub fn row_stride(&self) -> usize {
        self.row_stride
    }

    /// From the first row's beginning on.
    pub fn elements(&self) -> &'a [f32] {
        self.elements
    }
}
