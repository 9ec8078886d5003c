//! Connectionist temporal classification (Graves et al. 2006): −ln of the probability that frames of labels, each drawn by
//! its log-probabilities, spell a target once repeats are merged and blanks dropped.
//!
//! ```text
//! states  blank, label, blank, label, …, blank                     n = 2 · labels + 1
//! α_t(s) = ln Σ exp(α_{t−1}(s), α_{t−1}(s − 1), α_{t−1}(s − 2)) + x_t(label(s))     the last where label(s) isn't blank and not label(s − 2)'s
//! β_{t−1}(s) = ln Σ exp(β_t(s′) + x_t(label(s′)))                          over the s′ = s, s + 1, s + 2 that s leads to
//! loss = −ln(exp α_{T−1}(n − 1) + exp α_{T−1}(n − 2))
//! γ_t(s) = exp(α_t(s) + β_t(s)) / Σ_s exp(α_t(s) + β_t(s))
//! dx_t(c) = −Σ_{s of label c} γ_t(s)
//! ```
//!
//! In each frame α and β are relative to the largest of the frame before, and what is taken away is added up in float64: rounding
//! errors follow the frames' own numbers, not the sums over all of them. The loss is within
//! 2^-24 · (T · (16 + 4 · d) + |loss|) of the truth, an occupancy γ within 2^-23 · T · (16 + 4 · d) · γ + 2^-100, with d the most that a state with a part in
//! the result lies below the largest of its frame, and |x| there.

use super::{CUTOFF, Factors, exp, log};
use crate::dtype::canonical_scalar;
use crate::lanes::{fill, load, store};
use crate::simd::{F32x4, LANES};
use crate::softmax::largest;
use crate::sum::{accumulate, sum};

/// What a call of CTC reads.
#[derive(Clone, Copy)]
pub struct CtcCall<'a> {
    /// x, `[T, B, C]`
    pub log_probabilities: &'a [f32],
    /// The batches' labels one after the other.
    pub targets: &'a [i32],
    /// How many frames of each batch count, at most T.
    pub input_lengths: &'a [i32],
    /// How many labels each batch has.
    pub target_lengths: &'a [i32],
    /// C
    pub classes: usize,
    /// The blank label.
    pub blank: usize,
    /// Whether a loss of infinity becomes 0, as does its gradient.
    pub zero_infinity: bool,
}

/// Before the first state and after the last one two that nothing reaches.
const PADDING: usize = 2;

/// Rows of states besides α in the scratch memory.
const ROWS: usize = 6;

/// Elements of scratch memory: for the loss `frames` is 1, for the gradient all of them; `labels` is the largest target length.
pub fn ctc_scratch_length(frames: usize, labels: usize) -> Option<usize> {
    let states = labels.checked_mul(2)?.checked_add(1 + 2 * PADDING)?;
    frames.checked_add(ROWS)?.checked_mul(states)
}

/// One batch of a call.
struct Sequence<'a> {
    call: &'a CtcCall<'a>,
    batch: usize,
    labels: &'a [i32],
    frames: usize,
    states: usize,
}

impl CtcCall<'_> {
    fn sequences(&self) -> impl Iterator<Item = Sequence<'_>> {
        let mut rest = self.targets;
        self.target_lengths.iter().zip(self.input_lengths).enumerate().map(move |(batch, (&length, &frames))| {
            let (labels, others) = rest.split_at(length as usize);
            rest = others;
            Sequence { call: self, batch, labels, frames: frames as usize, states: 2 * labels.len() + 1 }
        })
    }
}

impl Sequence<'_> {
    fn label(&self, state: usize) -> usize {
        if state.is_multiple_of(2) { self.call.blank } else { self.labels[state / 2] as usize }
    }

    /// Where a frame's numbers begin.
    fn offset(&self, frame: usize) -> usize {
        (frame * self.call.input_lengths.len() + self.batch) * self.call.classes
    }

    /// `row[s]` = x_t(label(s))
    fn emissions(&self, row: &mut [f32], frame: usize) {
        let x = &self.call.log_probabilities[self.offset(frame)..][..self.call.classes];
        for (state, emission) in row.iter_mut().enumerate() {
            *emission = x[self.label(state)];
        }
    }

    /// `row[s]` = 0 where s − 2 leads to s, −∞ elsewhere.
    fn skips(&self, row: &mut [f32]) {
        for (state, skip) in row.iter_mut().enumerate() {
            let label = self.label(state);
            // What comes before the first frame leads to state 1 in this way.
            let leads = state == 1 || state > 1 && label != self.call.blank && label != self.label(state - 2);
            *skip = if leads { 0.0 } else { f32::NEG_INFINITY };
        }
    }

    /// −loss, with α of the frames in `alpha`, `[frames, states + 2 · PADDING]`, or of the last frame alone where there is no room
    /// for more.
    fn forward(&self, alpha: &mut [f32], work: &mut [f32]) -> f64 {
        let width = self.states + 2 * PADDING;
        let [previous, skipped, emissions, skips] = rows(work, self.states);
        let emissions = &mut emissions[..self.states];
        self.skips(&mut skips[..self.states]);
        // Before the first frame: in a state −1, which leads to the first two.
        previous.fill(f32::NEG_INFINITY);
        previous[PADDING - 1] = 0.0;
        let mut taken = 0.0;
        let mut reference = 0.0;
        for frame in 0..self.frames {
            let start = if alpha.len() == width { 0 } else { frame * width };
            let current = &mut alpha[start..][..width];
            current.fill(f32::NEG_INFINITY);
            self.emissions(emissions, frame);
            let states = &mut current[PADDING..][..self.states];
            add(skipped, previous, skips);
            log_sums(states, &previous[PADDING..], &previous[1..], skipped, reference);
            accumulate(states, emissions);
            taken += f64::from(reference);
            reference = reference_of(states);
            previous.copy_from_slice(current);
        }
        let [label, blank] = [1, 2].map(|state| F32x4::splat(previous[self.states + state - 1]));
        let none = F32x4::splat(f32::NEG_INFINITY);
        taken + f64::from(log_sum(blank, label, none, 0.0).to_array()[0])
    }

    /// Writes −factor · γ; α as `forward` leaves it.
    fn backward(&self, gradient: &mut [f32], factor: f32, alpha: &[f32], work: &mut [f32]) {
        let width = self.states + 2 * PADDING;
        let [beta, onward, skipped, emissions, skips, occupancy] = rows(work, self.states);
        let (emissions, occupancy) = (&mut emissions[..self.states], &mut occupancy[..self.states]);
        skips.fill(f32::NEG_INFINITY);
        self.skips(&mut skips[..self.states]);
        onward.fill(f32::NEG_INFINITY);
        beta.fill(f32::NEG_INFINITY);
        // The last label, where there is one, and the last blank.
        beta[self.states.saturating_sub(2)..self.states].fill(0.0);
        for frame in (0..self.frames).rev() {
            let alpha = &alpha[frame * width + PADDING..][..self.states];
            add(occupancy, alpha, beta);
            let most = F32x4::splat(largest(occupancy));
            // γ_t(s) = exp(α_t(s) + β_t(s)) / Σ_s exp(α_t(s) + β_t(s))
            for index in (0..self.states).step_by(LANES) {
                let difference = load(occupancy, index) - most;
                let small = difference.lt(F32x4::splat(CUTOFF));
                store(occupancy, index, small.select(F32x4::zero(), exp(difference)));
            }
            let scale = factor / sum(occupancy);
            let slopes = &mut gradient[self.offset(frame)..][..self.call.classes];
            for (state, part) in occupancy.iter().enumerate() {
                slopes[self.label(state)] += part;
            }
            for slope in slopes {
                *slope = canonical_scalar(0.0 - *slope * scale);
            }
            // β_{t−1}(s) = ln Σ exp(β_t(s′) + x_t(label(s′)))
            self.emissions(emissions, frame);
            let states = &mut onward[..self.states];
            add(states, beta, emissions);
            let reference = reference_of(states);
            add(skipped, onward, skips);
            log_sums(&mut beta[..self.states], onward, &onward[1..], &skipped[2..], reference);
        }
    }
}

/// Rows of scratch memory, each with room for the states and what lies around them.
fn rows<const N: usize>(work: &mut [f32], states: usize) -> [&mut [f32]; N] {
    let mut rows = work.chunks_exact_mut(states + 2 * PADDING);
    core::array::from_fn(|_| rows.next().unwrap_or_default())
}

/// `sums[s]` = `a[s]` + `b[s]`
#[inline(never)]
fn add(sums: &mut [f32], a: &[f32], b: &[f32]) {
    fill(sums, |state| load(a, state) + load(b, state));
}

/// `output[s]` = ln(exp `a[s]` + exp `b[s]` + exp `c[s]`) − reference
#[inline(never)]
fn log_sums(output: &mut [f32], a: &[f32], b: &[f32], c: &[f32], reference: f32) {
    fill(output, |state| log_sum(load(a, state), load(b, state), load(c, state), reference));
}

/// ln(exp a + exp b + exp c) − reference
#[inline(never)]
fn log_sum(a: F32x4, b: F32x4, c: F32x4, reference: f32) -> F32x4 {
    let most = a.pseudo_max(b).pseudo_max(c);
    // Where all are −∞, so that differences aren't NaN.
    let most = most.eq(F32x4::splat(f32::NEG_INFINITY)).select(F32x4::zero(), most);
    let sum = (exp(a - most) + exp(b - most)) + exp(c - most);
    (most - F32x4::splat(reference)) + log(sum)
}

/// The largest of the states, where any is reached.
fn reference_of(states: &[f32]) -> f32 {
    let largest = largest(states);
    if largest == f32::NEG_INFINITY { 0.0 } else { largest }
}

/// losses: `[B]`; scratch: `ctc_scratch_length(1, …)`. A batch without frames has a loss of 0 where it has no labels either.
pub fn ctc(losses: &mut [f32], call: &CtcCall, scratch: &mut [f32]) {
    for (loss, sequence) in losses.iter_mut().zip(call.sequences()) {
        let (alpha, work) = scratch.split_at_mut(sequence.states + 2 * PADDING);
        let value = (0.0 - sequence.forward(alpha, work)) as f32;
        *loss = if call.zero_infinity && value == f32::INFINITY { 0.0 } else { canonical_scalar(value) };
    }
}

/// gradient: that at the log-probabilities, `[T, B, C]`; scratch: `ctc_scratch_length(T, …)`. 0 past a batch's frames, NaN where its
/// loss is infinite.
pub fn ctc_backward(gradient: &mut [f32], call: &CtcCall, factors: Factors, scratch: &mut [f32]) {
    gradient.fill(0.0);
    for (batch, sequence) in call.sequences().enumerate() {
        let width = sequence.states + 2 * PADDING;
        let (alpha, work) = scratch.split_at_mut(sequence.frames * width);
        let value = sequence.forward(alpha, work);
        if !(call.zero_infinity && value == f64::NEG_INFINITY) {
            sequence.backward(gradient, factors.of(batch), alpha, work);
        }
    }
}
