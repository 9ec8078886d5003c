//! Rows of a table, whose elements are as wide as `T` and copied as they are.
//!
//! ```text
//! output[i, c] = table[indices[i], c]
//! ```

use crate::indices::{IndexOutOfRange, require_inside};

/// output `[indices, columns]`; table `[rows, columns]`, bit for bit. Nothing is written unless every index is a row.
pub fn embedding<T: Copy>(
    output: &mut [T],
    table: &[T],
    indices: &[i32],
    rows: usize,
    columns: usize,
) -> Result<(), IndexOutOfRange> {
    assert!(output.len() == indices.len() * columns && table.len() == rows * columns);
    require_inside(indices, rows)?;
    for (i, &index) in indices.iter().enumerate() {
        let row = index as usize * columns;
        output[i * columns..(i + 1) * columns].copy_from_slice(&table[row..row + columns]);
    }
    Ok(())
}
