//! Dropout by a counter: the same element is dropped whatever the tiles, the layout, the host or the other sizes are,
//! and a backward pass can ask again.
//!
//! Element (b, h, i, j) has word j mod 4 of Philox4x32-10 at counter (floor(j/4), i, h, b) under the seed, and is kept
//! when the word is at least floor(p · 2^32). (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3".)

use super::scores::PanelRows;
use crate::random::philox;
use core::ops::Range;

/// The options of dropout.
#[derive(Clone, Copy)]
pub struct Dropout {
    /// floor(p · 2^32); for p = 1, where everything goes, the scale of 0 does it.
    pub threshold: u32,
    /// 1 / (1 − p); 0 for p = 1.
    pub scale: f32,
    /// Low and high word of the seed.
    pub seed: [u32; 2],
}

impl Dropout {
    /// Sets the dropped weights of `[key][row]` to 0; the kept ones still lack the scale.
    pub fn drop_weights(&self, weights: &mut [f32], b: usize, rows: &PanelRows, keys: Range<usize>) {
        for c in 0..rows.width {
            let (h, i) = (rows.heads[c], rows.rows[c]);
            let mut j = keys.start;
            while j < keys.end {
                let words = philox([(j / 4) as u32, i as u32, h as u32, b as u32], self.seed);
                let next = (j - j % 4 + 4).min(keys.end);
                for j in j..next {
                    if words[j % 4] < self.threshold {
                        weights[(j - keys.start) * rows.width + c] = 0.0;
                    }
                }
                j = next;
            }
        }
    }
}
