//! Softmax over keys that arrive block by block, for the 8 rows of a panel at once.
//!
//! With scores in units of log 2 and any reference r ≥ max_j score[j] − 1:
//!
//! ```text
//! weight[j] = 2^(score[j] − r)         sum = Σ_j weight[j]         accumulator = Σ_j weight[j] · value[j]
//! ```
//!
//! and output = accumulator / sum. When a later block raises the maximum, sum and accumulator are multiplied by
//! 2^(old r − new r). (Milakov and Gimelshein 2018; Dao et al. 2022, FlashAttention.)
//!
//! The reference is an integer, r = ceil(max). Then the rescaling factors are exact powers of two, and
//! score − r = n + f with an integer n comes out of one rounding addition, see `weigh`.
//!
//! All weights carry the constant factor √2·2^40, which cancels in the division. √2 keeps the polynomial above 1; 2^40
//! keeps the smallest weight at 2^-86, far from the subnormal numbers that processors are slow with, also after the
//! multiplication with a value. Below that a weight is exactly 0.

use super::{Lanes, PANEL, panel};
use crate::math::log;
use crate::simd::{F32x4, I32x4};
use core::array::from_fn;
use core::f32::consts::LOG2_E;

/// 1.5 · 2^23 + 127: added to a small integer, it leaves that integer plus 127, an exponent, in the low bits.
const MAGIC: f32 = 12_582_912.0 + 127.0;
/// A reference below this in magnitude keeps MAGIC − r and every sum with it in the binade where one ulp is 1.
const REFERENCE_LIMIT: f32 = 2_097_152.0;
/// Below 2^-127 of the reference a weight is 0.
const LOWEST: f32 = -127.0;
/// log2 of the factor that all weights carry.
const LOG2_FACTOR: f32 = 40.5;

/// √2·2^(40 + f) for |f| ≤ ½, degree 5, relative error 7.5e-8; from scripts/polynomials.py.
const COEFFICIENTS: [f32; 6] =
    [1.554_944_36e12, 1.077_804_925e12, 3.735_305_585e11, 8.631_049_421e10, 1.504_492_749e10, 2.064_417_408e9];

/// What the loop of `weigh` needs, as vectors in memory: engines rebuild a vector constant at each use, in several
/// instructions, but read a vector from memory in none of its own.
struct Constants {
    coefficients: [[f32; 4]; 6],
}

static CONSTANTS: Constants = {
    let mut coefficients = [[0.0; 4]; 6];
    let mut i = 0;
    while i < 6 {
        coefficients[i] = [COEFFICIENTS[i]; 4];
        i += 1;
    }
    Constants { coefficients }
};

/// Replaces every score by √2·2^40·2^(score − r) and returns each row's sum over the block. −Infinity gives exact 0,
/// NaN gives NaN. Error below 2.2 ulp; the sum runs in the order of the keys.
///
/// `scores` is `[keys][8]`, r an integer per row that is at least score − 1.
pub fn weigh(scores: &mut [f32], reference: Lanes) -> Lanes {
    let small = reference.map(|r| r.abs().lt(F32x4::splat(REFERENCE_LIMIT)));
    if small[0].all() && small[1].all() {
        weigh_small(scores, reference)
    } else {
        // Beyond the limit score − r comes first, rounded as any subtraction of such scores is, and then r is 0. Row
        // by row, so that no row's bits depend on its neighbours.
        panel::for_each(scores, scores.len() / PANEL, |s| from_fn(|half| small[half].select(s[half], s[half] - reference[half])));
        weigh_small(scores, from_fn(|half| small[half].select(reference[half], F32x4::zero())))
    }
}

#[inline(never)]
fn weigh_small(scores: &mut [f32], reference: Lanes) -> Lanes {
    let constants = core::hint::black_box(&CONSTANTS);
    let c: [F32x4; 6] = from_fn(|i| F32x4::from_array(constants.coefficients[i]));
    let lowest = reference.map(|r| r + F32x4::splat(LOWEST));
    let shift = reference.map(|r| F32x4::splat(MAGIC) - r);
    let mut sum = [F32x4::zero(); 2];
    for scores in scores.as_chunks_mut::<PANEL>().0 {
        let weights: Lanes = from_fn(|half| {
            // pseudo_max keeps a NaN.
            let score = F32x4::load(&scores[half * 4..]).pseudo_max(lowest[half]);
            let rounded = score + shift[half];
            let f = score - (rounded - shift[half]);
            let mut power = c[5].mul_add(f, c[4]);
            power = power.mul_add(f, c[3]);
            power = power.mul_add(f, c[2]);
            power = power.mul_add(f, c[1]);
            power = power.mul_add(f, c[0]);
            power * rounded.to_bits().shift_left(23).from_bits()
        });
        sum = from_fn(|half| sum[half] + weights[half]);
        panel::store(scores, 0, weights);
    }
    sum
}

/// 2^(score − r) times the common factor, for single scores in lanes.
fn weight(score: Lanes, reference: Lanes) -> Lanes {
    let mut scores = [0.0; PANEL];
    panel::store(&mut scores, 0, score);
    weigh(&mut scores, reference)
}

/// The running state of 8 rows.
pub struct OnlineSoftmax {
    /// The largest visible score so far; −Infinity before any.
    maximum: Lanes,
    /// ceil of the larger of `maximum` and the sink.
    ceiling: Lanes,
    sum: Lanes,
}

/// What remains of a row when all keys have passed.
pub struct Normalization {
    /// r, for weights that are asked for later.
    pub reference: Lanes,
    /// 1 / (sum with the sink); 0 for a row without any weight.
    pub inverse: Lanes,
    /// Mask of the fully masked rows, whose output is 0 whatever the accumulator holds.
    pub fully_masked: [I32x4; 2],
    /// Natural logarithm of Σ exp(score), the sink included.
    pub log_sum_exp: Lanes,
}

impl OnlineSoftmax {
    /// Before the first block. `sink` in natural units; −Infinity for none.
    pub fn new(sink: f32) -> Self {
        let none = F32x4::splat(f32::NEG_INFINITY);
        // A NaN sink leaves the ceiling alone and enters at the end.
        let ceiling = none.pseudo_max(F32x4::splat(sink * LOG2_E).ceil());
        Self { maximum: [none; 2], ceiling: [ceiling; 2], sum: [F32x4::zero(); 2] }
    }

    /// Takes in the block's largest scores. Where they raise a row's reference, its sum is rescaled and the factors are
    /// returned, for the accumulator.
    pub fn raise(&mut self, block_maximum: Lanes) -> Option<Lanes> {
        let old = self.ceiling;
        self.maximum = from_fn(|half| self.maximum[half].pseudo_max(block_maximum[half]));
        self.ceiling = from_fn(|half| old[half].pseudo_max(self.maximum[half].ceil()));
        let rose: [I32x4; 2] = from_fn(|half| old[half].lt(self.ceiling[half]));
        if !(rose[0].any() || rose[1].any()) {
            return None;
        }
        let factor = from_fn(|half| {
            // From −Infinity the difference is −Infinity and the factor 0, which meets a sum of 0.
            let difference = (old[half] - self.ceiling[half]).pseudo_max(F32x4::splat(LOWEST));
            let power = (difference + F32x4::splat(MAGIC)).to_bits().shift_left(23).from_bits();
            rose[half].select(power, F32x4::splat(1.0))
        });
        self.sum = from_fn(|half| self.sum[half] * factor[half]);
        Some(factor)
    }

    /// r: the ceiling, or 0 where nothing was visible yet.
    pub fn reference(&self) -> Lanes {
        let none = F32x4::splat(f32::NEG_INFINITY);
        self.ceiling.map(|ceiling| ceiling.eq(none).select(F32x4::zero(), ceiling))
    }

    /// Adds a block's sum.
    pub fn add(&mut self, block_sum: Lanes) {
        self.sum = from_fn(|half| self.sum[half] + block_sum[half]);
    }

    /// After the last block. `sink` in natural units, as the user gave it; −Infinity for none.
    pub fn finish(&self, sink: f32) -> Normalization {
        let reference = self.reference();
        let sink_weight = weight([F32x4::splat(sink * LOG2_E); 2], reference);
        let none = F32x4::splat(f32::NEG_INFINITY);
        let zero = F32x4::zero();
        let total: Lanes = from_fn(|half| self.sum[half] + sink_weight[half]);
        // With a sink of NaN or +Infinity the total is NaN, and so is the row.
        let fully_masked: [I32x4; 2] = from_fn(|half| {
            self.maximum[half].eq(none) & self.sum[half].eq(zero) & total[half].eq(total[half])
        });
        Normalization {
            reference,
            inverse: from_fn(|half| total[half].eq(zero).select(zero, F32x4::splat(1.0) / total[half])),
            fully_masked,
            log_sum_exp: from_fn(|half| {
                // r·ln 2 in two parts; the first is exact for |r| < 2^11.
                let high = reference[half] * F32x4::splat(0.693_115_234);
                let low = reference[half] * F32x4::splat(3.194_618_3e-5)
                    + (log(total[half]) - F32x4::splat(LOG2_FACTOR * core::f32::consts::LN_2));
                fully_masked[half].select(F32x4::splat(sink), high + low)
            }),
        }
    }
}
