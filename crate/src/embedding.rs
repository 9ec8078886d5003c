//! Rows of a table, whose elements are as wide as `T` and copied as they are.
//!
//! ```text
//! output[i, c] = table[indices[i], c]
//! backward: dtable[r, c] = Σ_i doutput[i, c] where indices[i] = r, i ascending
//! ```
//!
//! The gradient of a padding row is 0. Its error elsewhere is at most 2^-24 · N · Σ |doutput|, of N terms.

use crate::indices::{IndexOutOfRange, require_inside};
use crate::sum::accumulate;

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

/// gradient: that of the table, `[rows, columns]`; output_gradient `[indices, columns]`. Nothing is written unless every
/// index is a row.
pub fn embedding_backward(
    gradient: &mut [f32],
    output_gradient: &[f32],
    indices: &[i32],
    padding_index: Option<i32>,
    rows: usize,
    columns: usize,
) -> Result<(), IndexOutOfRange> {
    assert!(output_gradient.len() == indices.len() * columns && gradient.len() == rows * columns);
    require_inside(indices, rows)?;
    gradient.fill(0.0);
    if columns == 0 {
        return Ok(());
    }
    for (&index, output_gradient) in indices.iter().zip(output_gradient.chunks_exact(columns)) {
        if Some(index) != padding_index {
            let row = &mut gradient[index as usize * columns..][..columns];
            accumulate(row, output_gradient);
        }
    }
    Ok(())
}
