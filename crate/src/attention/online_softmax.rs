//! Softmax over keys that arrive block by block, for the 8 rows of a panel at once.
//!
//! With scores in units of log 2 and a reference r near their maximum:
//!
//! ```text
//! weight[j] = 2^(score[j] − r)         sum = Σ_j weight[j]         accumulator = Σ_j weight[j] · value[j]
//! ```
//!
//! and output = accumulator / sum. When a later block's maximum leaves the reference too far behind, r becomes that
//! maximum, and sum and accumulator are multiplied by 2^(old r − new r). (Milakov and Gimelshein 2018; Dao et al. 2022,
//! FlashAttention. That small rises can wait: FlashAttention 4.)
//!
//! r is the first block's exact maximum, as in the naive softmax: so equal scores have weights of exactly 1, whose sums
//! are exact. It lags behind by up to `HEADROOM`, so that what a rescaling rounds off fades by 2^-8 at each further one
//! instead of adding up.
//!
//! All weights carry the constant factor 2^32, which cancels in the division: the smallest weight is then 2^-94, far
//! from the subnormal numbers that processors are slow with, also after the multiplication with a value. Below that a
//! weight is exactly 0. The largest is 2^40.

use super::{Lanes, panel};
use crate::math::{LN2_HIGH, LN2_LOW, log};
use crate::simd::{F32x4, I32x4, LANES};
use crate::tiles::PANEL;
use core::array::from_fn;
use core::f32::consts::LN_2;
use core::f64::consts::LOG2_E;

/// How far scores may exceed the reference.
const HEADROOM: f32 = 8.0;
/// Below 2^-127 of the reference a weight is 0.
const LOWEST: f32 = -127.0;
/// Exponents from here on would leave float32 together with `FACTOR`.
const HIGHEST: f32 = 94.0;
/// The factor that all weights carry.
const FACTOR: f32 = 4_294_967_296.0;
/// 1.5·2^23 + 127: added to a small number, it rounds it to an integer and leaves that integer plus 127, an exponent,
/// in the low bits.
const ROUNDER: f32 = 12_582_912.0 + 127.0;
/// (2^f − 1) / f for |f| ≤ ½, relative error 1.1e-7 in 2^f; from scripts/polynomials.py.
#[expect(clippy::approx_constant, reason = "a minimax coefficient near ln 2")]
const EXP2: [f32; 5] = [0.693_147, 0.240_222_42, 0.055_507_336, 0.009_671_513, 0.001_326_473_1];

/// What the loop of `weigh` needs, as vectors in memory: engines rebuild a vector constant at each use, in several
/// instructions, but read a vector from memory in none of its own.
static CONSTANTS: [[f32; 4]; 8] = [
    [LOWEST; 4],
    [ROUNDER; 4],
    [FACTOR; 4],
    [EXP2[0] * FACTOR; 4],
    [EXP2[1] * FACTOR; 4],
    [EXP2[2] * FACTOR; 4],
    [EXP2[3] * FACTOR; 4],
    [EXP2[4] * FACTOR; 4],
];

/// Replaces every score by 2^32·2^(score − r). −Infinity gives exact 0, NaN gives NaN; a score equal to r gives exactly
/// 2^32. Error below 2 ulp.
///
/// `scores` is `[keys][8]` in units of log 2, at most `HEADROOM` above r; a sink's, at most `HIGHEST`.
#[inline(never)]
pub fn weigh(scores: &mut [f32], reference: Lanes) {
    let constants = core::hint::black_box(&CONSTANTS);
    let [lowest, rounder, c0, c1, c2, c3, c4, c5] = constants.map(F32x4::from_array);
    for scores in scores.as_chunks_mut::<PANEL>().0 {
        let weights: Lanes = from_fn(|half| {
            // pseudo_max keeps a NaN.
            let score = (F32x4::load(&scores[half * 4..]) - reference[half]).pseudo_max(lowest);
            debug_assert!(!F32x4::splat(HIGHEST).lt(score).any(), "a score far above its reference: {score:?}");
            let rounded = score + rounder;
            let f = score - (rounded - rounder);
            let mut power = c5.mul_add(f, c4);
            power = power.mul_add(f, c3);
            power = power.mul_add(f, c2);
            power = power.mul_add(f, c1);
            power = power.mul_add(f, c0);
            power * rounded.to_bits().shift_left(23).from_bits()
        });
        panel::store(scores, 0, weights);
    }
}

/// Each row's sum over a block of weights, `[keys][width]`, the number of whose first key is a multiple of 4. There are four
/// sums side by side, by the key's number modulo 4: a single row has them as the lanes of a vector, so that it has the
/// same sum as in a panel.
#[inline(never)]
pub fn sum_weights(weights: &[f32], width: usize) -> Lanes {
    if width == 1 {
        let sums = weights.as_chunks::<LANES>().0.iter().fold(F32x4::zero(), |sums, keys| sums + F32x4::load(keys));
        return [F32x4::splat(sums.sum()); 2];
    }
    if width == LANES {
        let mut sums = [F32x4::zero(); 4];
        for keys in weights.chunks(4 * LANES) {
            for (sum, weight) in sums.iter_mut().zip(keys.as_chunks::<LANES>().0) {
                *sum = *sum + F32x4::load(weight);
            }
        }
        return [in_pairs(sums); 2];
    }
    let mut sums = [[F32x4::zero(); 4]; 2];
    let (groups, rest) = weights.as_chunks::<{ 4 * PANEL }>();
    let mut add = |m: usize, keys: &[f32]| {
        let weight = panel::load(keys, m);
        (sums[0][m], sums[1][m]) = (sums[0][m] + weight[0], sums[1][m] + weight[1]);
    };
    for keys in groups {
        add(0, keys);
        add(1, keys);
        add(2, keys);
        add(3, keys);
    }
    for m in 0..rest.len() / PANEL {
        add(m, rest);
    }
    sums.map(in_pairs)
}

/// The order of `F32x4::sum`.
fn in_pairs([a, b, c, d]: [F32x4; 4]) -> F32x4 {
    (a + c) + (b + d)
}

/// `weigh` for one score a row.
fn weight(score: Lanes, reference: Lanes) -> Lanes {
    let mut scores = [0.0; PANEL];
    panel::store(&mut scores, 0, score);
    weigh(&mut scores, reference);
    panel::load(&scores, 0)
}

/// The running state of 8 rows.
pub struct OnlineSoftmax {
    /// The largest visible score so far; −Infinity before any.
    maximum: Lanes,
    /// r; −Infinity before anything was visible. A sink has no part in it.
    reference: Lanes,
    sum: Lanes,
    /// Whether any row has a reference: what comes before it is 0 or NaN and needs no rescaling.
    has_reference: bool,
}

/// What remains of a row when all keys have passed.
pub struct Normalization {
    /// r, for weights that are asked for later.
    pub reference: Lanes,
    /// 1 / (sum with the sink); 0 for a row without any weight.
    pub inverse: Lanes,
    /// Mask of the fully masked rows, whose output is 0 whatever the accumulator holds.
    pub fully_masked: [I32x4; 2],
    /// The sum with the sink.
    total: Lanes,
    sinks: Lanes,
    part: SinkPart,
}

/// Before the first block.
impl Default for OnlineSoftmax {
    fn default() -> Self {
        let none = F32x4::splat(f32::NEG_INFINITY);
        Self { maximum: [none; 2], reference: [none; 2], sum: [F32x4::zero(); 2], has_reference: false }
    }
}

impl OnlineSoftmax {
    /// Takes in the block's largest scores. Where they leave a row's reference behind, it becomes their maximum, the sum
    /// is rescaled, and the factors are returned for the accumulator.
    pub fn raise(&mut self, block_maximum: Lanes) -> Option<Lanes> {
        self.maximum = from_fn(|half| self.maximum[half].pseudo_max(block_maximum[half]));
        let old = self.reference;
        let headroom = F32x4::splat(HEADROOM);
        let behind: [I32x4; 2] = from_fn(|half| (old[half] + headroom).lt(self.maximum[half]));
        if !(behind[0].any() || behind[1].any()) {
            return None;
        }
        self.reference = from_fn(|half| behind[half].select(self.maximum[half], old[half]));
        if !self.has_reference {
            self.has_reference = true;
            return None;
        }
        // From −Infinity the factor is 0, which meets a sum of 0.
        let weight = weight(old, self.reference());
        let factor = from_fn(|half| behind[half].select(weight[half] * F32x4::splat(1.0 / FACTOR), F32x4::splat(1.0)));
        self.sum = from_fn(|half| self.sum[half] * factor[half]);
        Some(factor)
    }

    /// r; 0 where nothing was visible yet.
    pub fn reference(&self) -> Lanes {
        let none = F32x4::splat(f32::NEG_INFINITY);
        self.reference.map(|reference| reference.eq(none).select(F32x4::zero(), reference))
    }

    /// Adds a block's sum.
    pub fn add(&mut self, block_sum: Lanes) {
        self.sum = from_fn(|half| self.sum[half] + block_sum[half]);
    }

    /// After the last block. A sink for each row in natural units; −Infinity for none.
    pub fn finish(&self, sinks: Lanes) -> Normalization {
        let none = F32x4::splat(f32::NEG_INFINITY);
        let zero = F32x4::zero();
        let reference = self.reference();
        let mut part = SinkPart::new(sinks, reference);
        let total: Lanes = from_fn(|half| self.sum[half] + part.weight[half]);
        // With a sink of NaN or +Infinity the total is NaN, and so is the row.
        let is_number: [I32x4; 2] = from_fn(|half| total[half].eq(total[half]));
        let fully_masked: [I32x4; 2] =
            from_fn(|half| self.maximum[half].eq(none) & self.sum[half].eq(zero) & is_number[half]);
        part.overwhelms = from_fn(|half| part.overwhelms[half] & is_number[half]);
        let inverse = from_fn(|half| {
            (total[half].eq(zero) | part.overwhelms[half]).select(zero, F32x4::splat(1.0) / total[half])
        });
        Normalization { reference, inverse, fully_masked, total, sinks, part }
    }
}

impl Normalization {
    /// Natural logarithm of Σ exp(score), the sink included.
    pub fn log_sum_exp(&self) -> Lanes {
        let Self { reference, total, sinks, part, .. } = self;
        from_fn(|half| {
            // r·ln 2, with ln 2 in two parts.
            let low = reference[half].mul_add(F32x4::splat(LN2_LOW), log(total[half] * F32x4::splat(1.0 / FACTOR)));
            let of_keys = reference[half].mul_add(F32x4::splat(LN2_HIGH), low);
            // The same from the other end, which loses nothing where the sink is the larger part.
            let of_sink = sinks[half] + log(total[half] / part.weight[half]);
            let log_sum_exp = part.leads[half].select(of_sink, of_keys);
            (self.fully_masked[half] | part.overwhelms[half]).select(sinks[half], log_sum_exp)
        })
    }
}

/// What a sink adds to the sums of 8 rows.
struct SinkPart {
    /// 2^(sink · log2 e − r) times the common factor; NaN for a sink of NaN or +Infinity.
    weight: Lanes,
    /// Mask of the rows whose reference it exceeds.
    leads: [I32x4; 2],
    /// Mask of the rows where nothing of the keys is left: less than 2^-94.
    overwhelms: [I32x4; 2],
}

impl SinkPart {
    /// The exponent is computed in float64: rounded to float32, a sink far above the scores would shift all weights of
    /// its row together.
    fn new(sinks: Lanes, reference: Lanes) -> Self {
        let none = F32x4::splat(f32::NEG_INFINITY);
        if sinks[0].eq(none).all() && sinks[1].eq(none).all() {
            let nowhere = [I32x4::splat(0); 2];
            return Self { weight: [F32x4::zero(); 2], leads: nowhere, overwhelms: nowhere };
        }
        let exponents: [[f64; 4]; 2] = from_fn(|half| {
            let (sinks, references) = (sinks[half].to_array(), reference[half].to_array());
            from_fn(|lane| match (sinks[lane], references[lane]) {
                (sink, r) if sink < f32::INFINITY => f64::from(sink) * LOG2_E - f64::from(r),
                _ => f64::NAN,
            })
        });
        let mask = |is: fn(f64) -> bool| exponents.map(|lanes| I32x4::from_array(lanes.map(|x| -i32::from(is(x)))));
        let rounded = exponents.map(|lanes| F32x4::from_array(lanes.map(|x| x as f32)));
        // What the rounding left over, |rest| ≤ 2^-18 where the weight is neither 0 nor bounded; 2^rest to first order.
        let rest: Lanes = from_fn(|half| {
            let rest = exponents[half].map(|x| (x - f64::from(x as f32)) as f32);
            let is_small = rounded[half].abs().lt(F32x4::splat(-LOWEST));
            is_small.select(F32x4::from_array(rest), F32x4::zero())
        });
        let high = rounded.map(|exponent| exponent.pseudo_min(F32x4::splat(HIGHEST)));
        let weight = weight(high, [F32x4::zero(); 2]);
        Self {
            weight: from_fn(|half| weight[half] * rest[half].mul_add(F32x4::splat(LN_2), F32x4::splat(1.0))),
            leads: mask(|x| x > 0.0),
            overwhelms: mask(|x| x > f64::from(HIGHEST)),
        }
    }
}
