//! Dropout by a counter: the same element is dropped whatever the tiles, the layout, the host or the other sizes are,
//! and a backward pass can ask again.
//!
//! Element (b, h, i, j) has word j mod 4 of Philox4x32-10 at counter (floor(j/4), i, h, b) under the seed, and is kept
//! when the word is at least floor(p · 2^32). (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3".)

use super::query_rows::QueryRows;
use crate::random::Philox;
use crate::simd::{F32x4, I32x4, I32x8, LANES};
use crate::tiles::PANEL;
use core::ops::Range;

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
    /// Sets the dropped weights of `[keys][columns]` to 0; the kept ones still lack the scale.
    pub fn drop_weights(&self, weights: &mut [f32], b: usize, rows: &QueryRows, keys: &Range<usize>) {
        let lanes = |values: &[usize; PANEL]| I32x8::from_fn(|lane| values[lane] as i32).halves();
        let (heads, indices) = (lanes(&rows.heads), lanes(&rows.indices));
        let batch = I32x4::splat(b as i32);
        // Read from memory, as in `weigh`.
        let philox = Philox::new(self.seed);
        let philox = core::hint::black_box(&philox);
        // The words of four lanes that are rows of one group of keys, or groups of one row.
        let words = |group: I32x4, half: usize| philox.words([group, indices[half], heads[half], batch]);
        if rows.columns == 1 {
            for first in (keys.start / 4..keys.end.div_ceil(4)).step_by(LANES) {
                let groups = I32x4::splat(first as i32) + I32x4::from_array([0, 1, 2, 3]);
                let by_group = F32x4::transpose(words(groups, 0).map(I32x4::from_bits)).map(F32x4::to_bits);
                for (group, words) in (first..).zip(by_group) {
                    let range = (4 * group).max(keys.start)..(4 * group + 4).min(keys.end);
                    for (j, word) in (4 * group..).zip(words.to_array()) {
                        if range.contains(&j) && word.cast_unsigned() < self.threshold {
                            weights[j - keys.start] = 0.0;
                        }
                    }
                }
            }
            return;
        }
        let threshold = I32x4::splat(self.threshold.cast_signed());
        for group in keys.start / 4..keys.end.div_ceil(4) {
            for half in 0..rows.columns / LANES {
                for (j, words) in (4 * group..).zip(words(I32x4::splat(group as i32), half)) {
                    if keys.contains(&j) {
                        let weights = &mut weights[(j - keys.start) * rows.columns + half * LANES..];
                        let is_dropped = words.lt_unsigned(threshold);
                        is_dropped.select(F32x4::zero(), F32x4::load(weights)).store(weights);
                    }
                }
            }
        }
    }
}
