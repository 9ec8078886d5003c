//! Dropout of a tensor's elements: the layer, and its own backward pass.
//!
//! ```text
//! output[e] = input[e] · m[e]          m[e] = 1/(1 − p) where element e is kept, 0 where it is dropped
//! ```
//!
//! Element e, counted in row-major order, has word e mod 4 of Philox4x32-10 at counter (⌊e/4⌋'s low word, its high word, 2,
//! 2^32 − 1) under the seed, and is kept when the word is at least floor(p · 2^32). So a mask is never stored: the gradient of the
//! input is the gradient of the output, dropped in the same way. As in PyTorch 0 · NaN and 0 · ∞ are NaN. The factor is rounded, and
//! its product: the error is at most 2^-23 · |result| + 2^-149. (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3".)

use crate::attention::dropout::Dropout;
use crate::dtype::canonical;
use crate::lanes::{load, store};
use crate::random::Philox;
use crate::simd::{F32x4, I32x4, LANES};

/// The third and fourth counter words, beside those of uniform and normal numbers.
const STREAM: [u32; 2] = [2, u32::MAX];

/// Elements of four counters, one a lane.
const BLOCK: usize = 4 * LANES;

/// output = input where it is kept, times the scale; 0 · input elsewhere.
pub fn dropout(output: &mut [f32], input: &[f32], dropout: &Dropout) {
    assert_eq!(output.len(), input.len());
    // Read from memory, as in attention.
    let philox = Philox::new(dropout.seed);
    let philox = core::hint::black_box(&philox);
    let threshold = I32x4::splat(dropout.threshold.cast_signed());
    let scale = F32x4::splat(dropout.scale);
    for (block, (output, input)) in output.chunks_mut(BLOCK).zip(input.chunks(BLOCK)).enumerate() {
        // A multiple of 4, so the lanes' counters have one high word.
        let counter = block as u64 * LANES as u64;
        let low = I32x4::splat(counter as i32) + I32x4::from_array([0, 1, 2, 3]);
        let [high, stream, end] = [(counter >> 32) as u32, STREAM[0], STREAM[1]].map(|word| I32x4::splat(word as i32));
        let words = philox.words([low, high, stream, end]);
        let by_counter = F32x4::transpose(words.map(I32x4::from_bits)).map(F32x4::to_bits);
        for (index, words) in (0..output.len()).step_by(LANES).zip(by_counter) {
            let factor = words.lt_unsigned(threshold).select(F32x4::zero(), scale);
            store(output, index, canonical(load(input, index) * factor));
        }
    }
}
