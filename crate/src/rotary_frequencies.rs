//! The frequencies of rotary position embedding: feature pair i at position p is turned by the angle p · frequency[i].
//!
//! ```text
//! frequency[i] = base^(−2i / size)
//! ```
//!
//! (Su et al. 2021, "RoFormer"), or scaled for sequences longer than those of the training. Names are those of
//! Hugging Face's transformers. Everything is float64.

use crate::math::{exp2_double, log2_double};
use crate::numbered::numbered;
use core::f64::consts::{LN_2, TAU};

/// How frequencies are scaled. Every factor, by which sequences get longer, is at least 1, every other number positive.
#[derive(Clone, Copy, Debug)]
pub enum RopeScaling {
    /// Not at all.
    None,
    /// Position interpolation (Chen et al. 2023, "Extending Context Window of Large Language Models via Positional
    /// Interpolation"): frequency / factor.
    Linear { factor: f64 },
    /// Dynamic NTK-aware scaling (bloc97 and emozilla 2023; Peng et al. 2023, "YaRN", 3.1 and 3.3): for a sequence of
    /// `length`, base is multiplied by
    ///
    /// ```text
    /// ratio^(size / (size − 2))          ratio = 1 + factor · (length / max_position_embeddings − 1)
    /// ```
    ///
    /// with length at least `max_position_embeddings`, so that shorter sequences are not scaled.
    Dynamic { factor: f64, max_position_embeddings: f64 },
    /// YaRN (Peng et al. 2023, "YaRN: Efficient Context Window Extension of Large Language Models", 3.2): frequencies of at
    /// least `beta_fast` turns in a sequence of the training stay, those of at most `beta_slow` are divided by `factor`, and
    /// between them the share of the division grows in a straight line with i.
    Yarn {
        factor: f64,
        original_max_position_embeddings: f64,
        /// Turns from which a frequency stays; no fewer than `beta_slow`.
        beta_fast: f64,
        /// Turns up to which a frequency is divided.
        beta_slow: f64,
        /// Whether the line begins and ends at whole i.
        truncate: bool,
    },
    /// Llama 3.1 (Grattafiori et al. 2024, "The Llama 3 Herd of Models"; `apply_scaling` of its reference code): frequencies
    /// of more than `high_freq_factor` turns in a sequence of the training stay, those of fewer than `low_freq_factor` are
    /// divided by `factor`, and between them the share of the division falls in a straight line with the turns.
    Llama3 {
        factor: f64,
        original_max_position_embeddings: f64,
        /// Turns up to which a frequency is divided.
        low_freq_factor: f64,
        /// Turns from which a frequency stays; more than `low_freq_factor`.
        high_freq_factor: f64,
    },
}

numbered! {
    /// The kinds of `RopeScaling`.
    pub enum RopeType {
        None = "default",
        Linear = "linear",
        Dynamic = "dynamic",
        Yarn = "yarn",
        Llama3 = "llama3",
    }
}

impl RopeScaling {
    /// A kind with its fields in their order; what it has no field for is ignored.
    pub fn from_fields(rope_type: RopeType, [factor, length, first, second, third]: [f64; 5]) -> Self {
        match rope_type {
            RopeType::None => Self::None,
            RopeType::Linear => Self::Linear { factor },
            RopeType::Dynamic => Self::Dynamic { factor, max_position_embeddings: length },
            RopeType::Yarn => Self::Yarn {
                factor,
                original_max_position_embeddings: length,
                beta_fast: first,
                beta_slow: second,
                truncate: third != 0.0,
            },
            RopeType::Llama3 => Self::Llama3 {
                factor,
                original_max_position_embeddings: length,
                low_freq_factor: first,
                high_freq_factor: second,
            },
        }
    }
}

/// frequencies: `[size / 2]`, for a sequence of `length` positions (which only `Dynamic` looks at). `base` is at least 1, with
/// YaRN more.
///
/// Errors are below 2^-52, absolute; where YaRN's line spans less than a pair, which it can without `truncate`, larger by its
/// slope.
pub fn rotary_frequencies(frequencies: &mut [f64], base: f64, scaling: RopeScaling, length: f64) {
    let size = 2 * frequencies.len();
    for (i, output) in frequencies.iter_mut().enumerate() {
        *output = frequency(base, i, size);
    }
    match scaling {
        RopeScaling::None => {}
        RopeScaling::Linear { factor } => frequencies.iter_mut().for_each(|frequency| *frequency /= factor),
        RopeScaling::Dynamic { factor, max_position_embeddings } => {
            let ratio = 1.0 + factor * (length.max(max_position_embeddings) / max_position_embeddings - 1.0);
            // base^(−2i / size) · ratio^(−2i / (size − 2)): the last frequency is divided by the ratio.
            for (i, output) in frequencies.iter_mut().enumerate().skip(1) {
                *output *= frequency(ratio, i, size - 2);
            }
        }
        RopeScaling::Yarn { factor, original_max_position_embeddings, beta_fast, beta_slow, truncate } => {
            // The i whose frequency makes so many turns.
            let index = |turns: f64| {
                size as f64 * log2_double(original_max_position_embeddings / (turns * TAU)) / (2.0 * log2_double(base))
            };
            let (mut low, mut high) = (index(beta_fast), index(beta_slow));
            if truncate {
                (low, high) = (floor(low), -floor(-high));
            }
            // transformers limits them to features, not to pairs of them, and keeps them apart so.
            (low, high) = (low.max(0.0), high.min(size as f64 - 1.0));
            if low == high {
                high += 0.001;
            }
            for (i, frequency) in frequencies.iter_mut().enumerate() {
                *frequency = interpolate(*frequency, factor, 1.0 - (i as f64 - low) / (high - low));
            }
        }
        RopeScaling::Llama3 { factor, original_max_position_embeddings, low_freq_factor, high_freq_factor } => {
            for frequency in frequencies {
                let turns = original_max_position_embeddings * *frequency / TAU;
                let kept = (turns - low_freq_factor) / (high_freq_factor - low_freq_factor);
                *frequency = interpolate(*frequency, factor, kept);
            }
        }
    }
}

/// By what YaRN multiplies cosines and sines, so that scores get a temperature (Peng et al. 2023, 3.4):
///
/// ```text
/// (0.1 · mscale · ln factor + 1) / (0.1 · mscale_all_dim · ln factor + 1)
/// ```
///
/// The paper's own has mscale 1 and mscale_all_dim 0; DeepSeek-V2 has the others.
pub fn rotary_attention_factor(factor: f64, mscale: f64, mscale_all_dim: f64) -> f64 {
    let tenth = 0.1 * LN_2 * log2_double(factor);
    (tenth * mscale + 1.0) / (tenth * mscale_all_dim + 1.0)
}

/// base^(−2i / size)
pub(crate) fn frequency(base: f64, i: usize, size: usize) -> f64 {
    exp2_double(-log2_double(base) * (2 * i) as f64 / size as f64)
}

/// A share of the frequency stays, limited to 0 and 1; the rest is divided.
///
/// Not inlined, so that no loop over it becomes one of vectors: their minimum would be a relaxed one.
#[inline(never)]
fn interpolate(frequency: f64, factor: f64, kept: f64) -> f64 {
    let kept = kept.clamp(0.0, 1.0);
    frequency / factor * (1.0 - kept) + frequency * kept
}

/// The largest integer up to x, |x| < 2^63.
fn floor(x: f64) -> f64 {
    let truncated = x as i64 as f64;
    if truncated > x { truncated - 1.0 } else { truncated }
}
