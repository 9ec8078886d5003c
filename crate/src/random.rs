//! The random generator: Philox4x32-10, uniform and normal numbers, random orders.
//!
//! Counter-based (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3"): element e of a stream depends on
//! the seed and on e alone, so a stream may be drawn in pieces of any length. Both arithmetics give the same bits.

use crate::math::{log2_double, sin_cos};
use crate::simd::{F32x4, I32x4, unrolled};

/// The third and fourth counter words of the streams. Dropout's counters (a row and a batch there) stay far below, so
/// that with one seed neither repeats the other's words.
const UNIFORM_STREAM: [u32; 2] = [0, u32::MAX];
const NORMAL_STREAM: [u32; 2] = [1, u32::MAX];
/// That of dropout is 2.
const SHUFFLE_STREAM: [u32; 2] = [3, u32::MAX];

/// Philox4x32 with 10 rounds under one key: four random words for a counter of four words, in each lane.
pub struct Philox {
    multipliers: [I32x4; 2],
    /// Vectors in memory: engines build a vector from a number anew at each use.
    round_keys: [[I32x4; 2]; 10],
}

impl Philox {
    /// Under the given key.
    #[inline(never)]
    pub fn new(key: [u32; 2]) -> Self {
        let splat = |word: u32| I32x4::splat(word.cast_signed());
        let mut key = key;
        let round_keys = core::array::from_fn(|_| {
            let round_key = key.map(splat);
            key = [key[0].wrapping_add(0x9e37_79b9), key[1].wrapping_add(0xbb67_ae85)];
            round_key
        });
        Self { multipliers: [0xd251_1f53, 0xcd9e_8d57].map(splat), round_keys }
    }

    /// The words of each lane's counter.
    #[inline(never)]
    pub fn words(&self, counters: [I32x4; 4]) -> [I32x4; 4] {
        let [mut c0, mut c1, mut c2, mut c3] = counters;
        unrolled::<10>(|round| {
            let key = &self.round_keys[round];
            let [high0, low0] = c0.multiply_wide(self.multipliers[0]);
            let [high1, low1] = c2.multiply_wide(self.multipliers[1]);
            (c0, c1, c2, c3) = (high1 ^ c1 ^ key[0], low1, high0 ^ c3 ^ key[1], low0);
        });
        [c0, c1, c2, c3]
    }

    /// The words of one counter.
    pub fn words_of(&self, counter: [u32; 4]) -> [u32; 4] {
        let counters = counter.map(|word| I32x4::splat(word.cast_signed()));
        self.words(counters).map(|words| words.to_array()[0].cast_unsigned())
    }
}

/// `output[i]` = element offset + i of the uniform stream in [low, high), low for low = high; both finite. One of 2^24
/// equally likely u in [0, 1) gives low·(1 − u) + high·u.
pub fn uniform(output: &mut [f32], low: f32, high: f32, seed: [u32; 2], offset: u64) {
    // Rounding may leave the interval, whose upper end is open.
    let last = F32x4::splat(if low < high { high.next_down() } else { low });
    let low = F32x4::splat(low);
    let high = F32x4::splat(high);
    fill(output, seed, offset, UNIFORM_STREAM, |words| {
        let words = I32x4::from_array(words.map(u32::cast_signed));
        let u = words.shift_right_logical(8).to_f32() * F32x4::splat(1.0 / 16_777_216.0);
        let value = low * (F32x4::splat(1.0) - u) + high * u;
        value.pseudo_max(low).pseudo_min(last).to_array()
    });
}

/// `output[i]` = element offset + i of the normal stream, mean + deviation·z by Box–Muller; |z| < 6.67; both finite.
pub fn normal(output: &mut [f32], mean: f32, deviation: f32, seed: [u32; 2], offset: u64) {
    fill(output, seed, offset, NORMAL_STREAM, |words| {
        let [a, b] = [[words[0], words[1]], [words[2], words[3]]].map(|[word, turn]| {
            const UNIT: f64 = 1.0 / 4_294_967_296.0;
            // In (0, 1], so that the logarithm is finite.
            let u = (f64::from(word) + 1.0) * UNIT;
            let squared_radius = log2_double(u) * (-2.0 * core::f64::consts::LN_2);
            let radius = F32x4::splat(squared_radius as f32).sqrt().to_array()[0];
            let (sin, cos) = sin_cos(f64::from(turn) * (UNIT * core::f64::consts::TAU));
            [radius * cos as f32, radius * sin as f32]
        });
        [a[0], a[1], b[0], b[1]].map(|z| mean + deviation * z)
    });
}

/// Brings elements into a random order, each equally likely: for i from the last down to 1, element i and element ⌊word · (i + 1) /
/// 2^32⌋ change places, with the first word at counter (i, number, 3, 2^32 − 1). (Knuth, The Art of Computer Programming, 3.4.2,
/// algorithm P.) One seed has an order for each `number`.
pub fn shuffle(elements: &mut [u32], seed: [u32; 2], number: u32) {
    let philox = Philox::new(seed);
    for i in (1..elements.len()).rev() {
        let [word, ..] = philox.words_of([i as u32, number, SHUFFLE_STREAM[0], SHUFFLE_STREAM[1]]);
        elements.swap(i, ((u64::from(word) * (i as u64 + 1)) >> 32) as usize);
    }
}

/// Elements 4n to 4n + 3 come from the words at counter n.
fn fill(output: &mut [f32], seed: [u32; 2], offset: u64, stream: [u32; 2], numbers: impl Fn([u32; 4]) -> [f32; 4]) {
    let philox = Philox::new(seed);
    let mut block = offset / 4;
    let mut skip = (offset % 4) as usize;
    let mut rest = output;
    while !rest.is_empty() {
        let words = philox.words_of([block as u32, (block >> 32) as u32, stream[0], stream[1]]);
        let values = numbers(words);
        let count = rest.len().min(4 - skip);
        let (head, tail) = rest.split_at_mut(count);
        for (output, value) in head.iter_mut().zip(&values[skip..]) {
            *output = *value;
        }
        rest = tail;
        skip = 0;
        block = block.wrapping_add(1);
    }
}
