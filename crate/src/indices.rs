//! Indices into the rows of a table.

/// An index that has no row in its table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IndexOutOfRange;

/// Refuses indices unless each is one of so many rows.
pub fn require_inside(indices: &[i32], rows: usize) -> Result<(), IndexOutOfRange> {
    // A negative index is a huge row.
    if indices.iter().all(|&index| (index as usize) < rows) { Ok(()) } else { Err(IndexOutOfRange) }
}
