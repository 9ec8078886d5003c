//! Softmax over keys that arrive block by block, for the rows of a panel at once.
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
//! weight is exactly 0. The largest is 2^40. (Deviation 6 of `forward`.)

use super::panel;
use crate::math::{LN2_HIGH, LN2_LOW, log};
use crate::simd::{F32x4, F32x8, I32x8, LANES};
use crate::tiles::PANEL;
use core::array::from_fn;
use core::f32::consts::LN_2;
use core::f64::consts::LOG2_E;
use core::ops::Add;

/// How far scores may exceed the reference.
const HEADROOM: f32 = 8.0;
/// Below 2^-127 of the reference a weight is 0.
const LOWEST: f32 = -127.0;
/// Exponents from here on would leave float32 together with `FACTOR`.
const HIGHEST: f32 = 94.0;
/// The factor that all weights carry, and the inverse of that all inverse sums.
pub const FACTOR: f32 = 4_294_967_296.0;
/// 1.5·2^23 + 127: added to a small number, it rounds it to an integer and leaves that integer plus 127, an exponent,
/// in the low bits.
const ROUNDER: f32 = 12_582_912.0 + 127.0;
/// (2^f − 1) / f for |f| ≤ ½, relative error 1.1e-7 in 2^f; from scripts/polynomials.py.
#[expect(clippy::approx_constant, reason = "a minimax coefficient near ln 2")]
const EXP2: [f32; 5] = [0.693_147, 0.240_222_42, 0.055_507_336, 0.009_671_513, 0.001_326_473_1];

/// What the loop of `weigh` needs, as vectors in memory: engines rebuild a vector constant at each use, in several
/// instructions, but read a vector from memory in none of its own.
static CONSTANTS: [[f32; 4]; 8] = SCALED;
const SCALED: [[f32; 4]; 8] = [
    [LOWEST; 4],
    [ROUNDER; 4],
    [FACTOR; 4],
    [EXP2[0] * FACTOR; 4],
    [EXP2[1] * FACTOR; 4],
    [EXP2[2] * FACTOR; 4],
    [EXP2[3] * FACTOR; 4],
    [EXP2[4] * FACTOR; 4],
];

/// The same with another power of two in the rounder, which takes the common factor away again. (A difference of 32 leaves even
/// numbers even, so that ties are rounded alike.)
static PLAIN_CONSTANTS: [[f32; 4]; 8] = {
    let mut constants = SCALED;
    constants[0] = [LOWEST + 32.0; 4];
    constants[1] = [ROUNDER - 32.0; 4];
    constants
};

/// Replaces every score by 2^32·2^(score − r). −Infinity gives exact 0, NaN gives NaN; a score equal to r gives exactly
/// 2^32. Error below 2 ulp.
///
/// `scores` is `[keys][8]` in units of log 2, at most `HEADROOM` above r; a sink's, at most `HIGHEST`.
#[inline(never)]
pub fn weigh(scores: &mut [f32], reference: F32x8) {
    let power = Power::read(&CONSTANTS);
    panel::for_each(scores, |score| power.of(score - reference));
}

/// Powers of two times `FACTOR`, or plain ones.
pub struct Power {
    constants: [F32x4; 8],
}

impl Power {
    /// Those of `weigh` without the common factor, bit for bit, where they are at least 2^-94.5; 0 below.
    #[inline(always)]
    pub fn plain() -> Self {
        Self::read(&PLAIN_CONSTANTS)
    }

    #[inline(always)]
    fn read(constants: &'static [[f32; 4]; 8]) -> Self {
        Self { constants: core::hint::black_box(constants).map(F32x4::from_array) }
    }

    #[inline(always)]
    pub fn of(&self, exponent: F32x8) -> F32x8 {
        let [lowest, rounder, c0, c1, c2, c3, c4, c5] = self.constants;
        exponent.map(|exponent| {
            // pseudo_max keeps a NaN.
            let score = exponent.pseudo_max(lowest);
            debug_assert!(!F32x4::splat(HIGHEST).lt(score).any(), "a score far above its reference: {score:?}");
            let rounded = score + rounder;
            let f = score - (rounded - rounder);
            let mut power = c5.mul_add(f, c4);
            power = power.mul_add(f, c3);
            power = power.mul_add(f, c2);
            power = power.mul_add(f, c1);
            power = power.mul_add(f, c0);
            power * rounded.to_bits().shift_left(23).from_bits()
        })
    }
}

/// Each row's sum over a block of weights, `[keys][columns]`, the number of whose first key is a multiple of 4. There are
/// four sums side by side, by the key's number modulo 4: a single row has them as the lanes of a vector, so that it has
/// the same sum as in a panel. (Deviation 7 of `forward`.)
#[inline(never)]
pub fn sum_weights(weights: &[f32], columns: usize) -> F32x8 {
    if columns == 1 {
        let sums = weights.as_chunks::<LANES>().0.iter().fold(F32x4::zero(), |sums, keys| sums + F32x4::load(keys));
        return F32x8::splat(sums.sum());
    }
    if columns == LANES {
        let mut sums = [F32x4::zero(); 4];
        for keys in weights.chunks(4 * LANES) {
            for (sum, weight) in sums.iter_mut().zip(keys.as_chunks::<LANES>().0) {
                *sum = *sum + F32x4::load(weight);
            }
        }
        return F32x8::repeat(in_pairs(sums));
    }
    let mut sums = [F32x8::zero(); 4];
    let (groups, rest) = weights.as_chunks::<{ 4 * PANEL }>();
    let mut add = |m: usize, keys: &[f32]| sums[m] = sums[m] + panel::load(keys, m);
    for keys in groups {
        add(0, keys);
        add(1, keys);
        add(2, keys);
        add(3, keys);
    }
    for m in 0..rest.len() / PANEL {
        add(m, rest);
    }
    in_pairs(sums)
}

/// The order of `F32x4::sum`.
fn in_pairs<T: Add<Output = T>>([a, b, c, d]: [T; 4]) -> T {
    (a + c) + (b + d)
}

/// `weigh` for one score a row.
fn weight(score: F32x8, reference: F32x8) -> F32x8 {
    let mut scores = score.to_array();
    weigh(&mut scores, reference);
    F32x8::load(&scores)
}

/// The running state of the rows of a panel.
pub struct OnlineSoftmax {
    /// The largest visible score so far; −Infinity before any.
    maximum: F32x8,
    /// r; −Infinity before anything was visible. A sink has no part in it.
    reference: F32x8,
    sum: F32x8,
    /// Whether any row has a reference: what comes before it is 0 or NaN and needs no rescaling.
    has_reference: bool,
}

/// What remains of a row when all keys have passed.
pub struct Normalization {
    /// r, for weights that are asked for later.
    pub reference: F32x8,
    /// 1 / (sum with the sink); 0 for a row without any weight.
    pub inverse: F32x8,
    /// Mask of the fully masked rows, whose output is 0 whatever the accumulator holds.
    pub fully_masked: I32x8,
    /// The sum with the sink.
    total: F32x8,
    sinks: F32x8,
    part: SinkPart,
}

/// Before the first block.
impl Default for OnlineSoftmax {
    fn default() -> Self {
        let none = F32x8::splat(f32::NEG_INFINITY);
        Self { maximum: none, reference: none, sum: F32x8::zero(), has_reference: false }
    }
}

impl OnlineSoftmax {
    /// Takes in the block's largest scores. Where they leave a row's reference behind, it becomes their maximum, the sum
    /// is rescaled, and the factors are returned for the accumulator. (Deviation 5 of `forward`.)
    pub fn raise(&mut self, block_maximum: F32x8) -> Option<F32x8> {
        self.maximum = self.maximum.pseudo_max(block_maximum);
        let old = self.reference;
        let behind = (old + F32x8::splat(HEADROOM)).lt(self.maximum);
        if !behind.any() {
            return None;
        }
        self.reference = behind.select(self.maximum, old);
        if !self.has_reference {
            self.has_reference = true;
            return None;
        }
        // From −Infinity the factor is 0, which meets a sum of 0.
        let weight = weight(old, self.reference());
        let factor = behind.select(weight * F32x8::splat(1.0 / FACTOR), F32x8::splat(1.0));
        self.sum = self.sum * factor;
        Some(factor)
    }

    /// r; 0 where nothing was visible yet.
    pub fn reference(&self) -> F32x8 {
        self.reference.eq(F32x8::splat(f32::NEG_INFINITY)).select(F32x8::zero(), self.reference)
    }

    /// Adds a block's sum.
    pub fn add(&mut self, block_sum: F32x8) {
        self.sum = self.sum + block_sum;
    }

    /// After the last block. A sink for each row in natural units; −Infinity for none.
    pub fn finish(&self, sinks: F32x8) -> Normalization {
        let zero = F32x8::zero();
        let reference = self.reference();
        let mut part = SinkPart::new(sinks, reference);
        let total = self.sum + part.weight;
        // With a sink of NaN or +Infinity the total is NaN, and so is the row.
        let is_number = total.eq(total);
        let fully_masked = self.maximum.eq(F32x8::splat(f32::NEG_INFINITY)) & self.sum.eq(zero) & is_number;
        part.overwhelms = part.overwhelms & is_number;
        let inverse = (total.eq(zero) | part.overwhelms).select(zero, F32x8::splat(1.0) / total);
        Normalization { reference, inverse, fully_masked, total, sinks, part }
    }
}

impl Normalization {
    /// Natural logarithm of Σ exp(score), the sink included.
    pub fn log_sum_exp(&self) -> F32x8 {
        let Self { reference, total, sinks, part, .. } = self;
        // r·ln 2, with ln 2 in two parts.
        let low = reference.mul_add(F32x8::splat(LN2_LOW), (*total * F32x8::splat(1.0 / FACTOR)).map(log));
        let of_keys = reference.mul_add(F32x8::splat(LN2_HIGH), low);
        // The same from the other end, which loses nothing where the sink is the larger part.
        let of_sink = *sinks + (*total / part.weight).map(log);
        let log_sum_exp = part.leads.select(of_sink, of_keys);
        (self.fully_masked | part.overwhelms).select(*sinks, log_sum_exp)
    }
}

/// What part of a row's sum its sink has: exp(sink − log-sum-exp).
pub fn sink_weight(sinks: F32x8, reference: F32x8, inverse: F32x8) -> F32x8 {
    let part = SinkPart::new(sinks, reference);
    part.overwhelms.select(F32x8::splat(1.0), part.weight * inverse)
}

/// What a sink adds to the sums of the rows.
struct SinkPart {
    /// 2^(sink · log2 e − r) times the common factor; NaN for a sink of NaN or +Infinity.
    weight: F32x8,
    /// Mask of the rows whose reference it exceeds.
    leads: I32x8,
    /// Mask of the rows where nothing of the keys is left: less than 2^-94.
    overwhelms: I32x8,
}

impl SinkPart {
    /// The exponent is computed in float64: rounded to float32, a sink far above the scores would shift all weights of
    /// its row together. (Deviation 9 of `forward`.)
    fn new(sinks: F32x8, reference: F32x8) -> Self {
        if sinks.eq(F32x8::splat(f32::NEG_INFINITY)).all() {
            return Self { weight: F32x8::zero(), leads: I32x8::splat(0), overwhelms: I32x8::splat(0) };
        }
        let (sinks, references) = (sinks.to_array(), reference.to_array());
        let exponents: [f64; PANEL] = from_fn(|lane| match (sinks[lane], references[lane]) {
            (sink, r) if sink < f32::INFINITY => f64::from(sink) * LOG2_E - f64::from(r),
            _ => f64::NAN,
        });
        let mask = |is: fn(f64) -> bool| I32x8::from_fn(|lane| -i32::from(is(exponents[lane])));
        let rounded = F32x8::from_fn(|lane| exponents[lane] as f32);
        // What the rounding left over, |rest| ≤ 2^-18 where the weight is neither 0 nor bounded; 2^rest to first order.
        let rest = F32x8::from_fn(|lane| (exponents[lane] - f64::from(exponents[lane] as f32)) as f32);
        let rest = rounded.abs().lt(F32x8::splat(-LOWEST)).select(rest, F32x8::zero());
        let weight = weight(rounded.pseudo_min(F32x8::splat(HIGHEST)), F32x8::zero());
        Self {
            weight: weight * rest.mul_add(F32x8::splat(LN_2), F32x8::splat(1.0)),
            leads: mask(|x| x > 0.0),
            overwhelms: mask(|x| x > f64::from(HIGHEST)),
        }
    }
}
