//! Which query rows stand in a panel.

use super::call::Sizes;
use crate::simd::LANES;
use crate::tiles::PANEL;
use core::array::from_fn;

/// The panels of the query rows whose heads read a key head: of each its number of rows, and the head and index of the first, after
/// which they go on from head to head. Few rows share a panel with those of the other heads, so that keys and values are
/// read once for all of them. Many would see too different keys. (Deviation 2 of `forward`.)
pub fn panels(sizes: &Sizes, key_head: usize) -> impl Iterator<Item = PanelRows> {
    let (group, length) = (sizes.group(), sizes.query_length);
    let mut first = 0;
    core::iter::from_fn(move || {
        if first == group * length {
            return None;
        }
        let (head, row) = (key_head * group + first / length, first % length);
        let rest = if length < PANEL { group * length - first } else { length - row };
        let rows = PanelRows { count: rest.min(PANEL), head, row, length };
        first += rows.count;
        Some(rows)
    })
}

/// Rows that follow each other, those of a head and then those of the next.
#[derive(Clone, Copy)]
pub struct PanelRows {
    /// 1 to 8.
    pub count: usize,
    head: usize,
    row: usize,
    /// L.
    length: usize,
}

impl PanelRows {
    /// The head and the index of the c-th.
    pub fn row(&self, c: usize) -> (usize, usize) {
        let (mut head, mut row) = (self.head, self.row + c);
        while row >= self.length {
            (head, row) = (head + 1, row - self.length);
        }
        (head, row)
    }
}

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
