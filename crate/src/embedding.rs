//! Embedding look-up and sinusoidal positions.

use crate::math::sin_cos;
use crate::rotary_frequencies::frequency;

/// An index that has no row in its table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IndexOutOfRange;

/// output `[indices, width]` = the rows of table `[rows, width]` at `indices`, bit for bit. Nothing is written
/// unless every index is a row.
pub fn embedding(
    output: &mut [f32],
    table: &[f32],
    indices: &[i32],
    rows: usize,
    width: usize,
) -> Result<(), IndexOutOfRange> {
    assert!(output.len() == indices.len() * width && table.len() == rows * width);
    // A negative index is a huge row.
    if indices.iter().any(|&index| index as usize >= rows) {
        return Err(IndexOutOfRange);
    }
    for (i, &index) in indices.iter().enumerate() {
        let row = index as usize * width;
        output[i * width..(i + 1) * width].copy_from_slice(&table[row..row + width]);
    }
    Ok(())
}

/// output `[rows, width]`: output[p, 2i] = sin(p · 10000^(−2i / width)), output[p, 2i + 1] = cos of the same (Vaswani et
/// al. 2017, "Attention Is All You Need"). Within 2^-24 of the truth for p up to a million.
pub fn sinusoidal_positions(output: &mut [f32], rows: usize, width: usize) {
    for i in 0..width.div_ceil(2) {
        let frequency = frequency(10_000.0, i, width);
        for position in 0..rows {
            let (sin, cos) = sin_cos(position as f64 * frequency);
            let row = &mut output[position * width..(position + 1) * width];
            row[2 * i] = sin as f32;
            if let Some(next) = row.get_mut(2 * i + 1) {
                *next = cos as f32;
            }
        }
    }
}
