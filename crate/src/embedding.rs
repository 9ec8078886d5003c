//! Rows of a table.
//!
//! ```text
//! output[i, c] = table[indices[i], c]
//! ```

use crate::indices::{IndexOutOfRange, require_inside};

/// output `[indices, columns]`; table `[rows, columns]`, bit for bit. Nothing is written unless every index is a row.
pub fn embedding(
    output: &mut [f32],
    table: &[f32],
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
