//! Sines and cosines of positions (Vaswani et al. 2017, "Attention Is All You Need", 3.5).
//!
//! ```text
//! output[p, 2i]     = sin(p · 10000^(−2i / columns))
//! output[p, 2i + 1] = cos(p · 10000^(−2i / columns))
//! ```

use crate::math::sin_cos;
use crate::rotary_frequencies::frequency;

/// output: `[rows, columns]`. Within 2^-24 of the truth for p up to a million.
pub fn sinusoidal_positions(output: &mut [f32], rows: usize, columns: usize) {
    for i in 0..columns.div_ceil(2) {
        let frequency = frequency(10_000.0, i, columns);
        for position in 0..rows {
            let (sin, cos) = sin_cos(position as f64 * frequency);
            let row = &mut output[position * columns..(position + 1) * columns];
            row[2 * i] = sin as f32;
            if let Some(next) = row.get_mut(2 * i + 1) {
                *next = cos as f32;
            }
        }
    }
}
