//! Which query rows stand in a panel.

use crate::simd::LANES;
use crate::tiles::PANEL;
use core::array::from_fn;

/// Up to eight query rows of the heads that share a key head.
///
/// The panel has 8, 4 or 1 *columns*, one a row; where there are fewer rows than columns, the last row repeats. A step of the
/// panel has 8 *lanes*: lane l stands in column l mod columns, so that one step holds two elements of each of 4 rows, or
/// eight of one.
pub struct QueryRows {
    /// The query head of each lane's row.
    pub heads: [usize; PANEL],
    /// Each lane's row, by its index in its head.
    pub indices: [usize; PANEL],
    /// Different rows, 1 to 8.
    pub row_count: usize,
    pub columns: usize,
}

impl QueryRows {
    /// With as few columns as `row_count` rows, 1 to 8, allow; `row(c)` is the head and the index of the c-th.
    pub fn narrow(row_count: usize, row: impl Fn(usize) -> (usize, usize)) -> Self {
        let columns = match row_count {
            1 => 1,
            2..=LANES => LANES,
            _ => PANEL,
        };
        Self::new(row_count, columns, row)
    }

    /// With a given number of columns.
    pub fn new(row_count: usize, columns: usize, row: impl Fn(usize) -> (usize, usize)) -> Self {
        let rows: [(usize, usize); PANEL] = from_fn(|lane| row((lane % columns).min(row_count - 1)));
        Self { heads: rows.map(|(head, _)| head), indices: rows.map(|(_, index)| index), row_count, columns }
    }

    /// Elements of a panel that holds `size` of each row, in whole steps of 8 lanes.
    pub fn panel_length(&self, size: usize) -> usize {
        (size * self.columns).next_multiple_of(PANEL)
    }
}
