//! Connectionist temporal classification (Graves et al. 2006): −ln of the probability that frames of labels, each drawn by
//! its log-probabilities, spell a target once repeats are merged and blanks dropped.
//!
//! ```text
//! states  blank, label, blank, label, …, blank                     n = 2 · labels + 1
//! α_t(s) = ln Σ exp(α_{t−1}(s), α_{t−1}(s − 1), α_{t−1}(s − 2)) + x_t(label(s))     the last where label(s − 2) isn't blank and not label(s)'s
//! β_{t−1}(s) = ln Σ exp(β_t(s′) + x_t(label(s′)))                          over the s′ = s, s + 1, s + 2 that s leads to: α of the reversed sequence
//! loss = −ln(exp α_{T−1}(n − 1) + exp α_{T−1}(n − 2))
//! γ_t(s) = exp(α_t(s) + β_t(s)) / Σ_s exp(α_t(s) + β_t(s))
//! dx_t(c) = −Σ_{s of label c} γ_t(s)
//! ```
//!
//! In each frame α and β are relative to the largest of the frame before, and what is taken away is added up in float64: rounding
//! errors follow the frames' own numbers, not the sums over all of them. The loss is within
//! 2^-24 · (T · (16 + 4 · d) + |loss|) of the truth, an occupancy γ within 2^-23 · T · (16 + 4 · d) · γ + 2^-100, with d the most that a state with a part in
//! the result lies below the largest of its frame, and |x| there.

use super::{Factors, exp, log};
use crate::dtype::canonical_scalar;
use crate::lanes::{fill, load, store};
use crate::simd::{F32x4, LANES};
use crate::softmax::{CUTOFF, largest};
use crate::sum::sum;

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

/// Before the first state two that nothing reaches.
const PADDING: usize = 2;

/// Rows of states in the scratch memory besides those of the frames.
const ROWS: usize = 2;

/// Elements of scratch memory: for the loss `frames` is 1, for the gradient all of them; `labels` is the largest target length.
pub fn ctc_scratch_length(frames: usize, labels: usize) -> Option<usize> {
    let width = labels.checked_mul(2)?.checked_add(1 + PADDING)?;
    frames.checked_mul(2)?.checked_add(ROWS)?.checked_mul(width)
}

/// One batch of a call.
struct Sequence<'a> {
    call: &'a CtcCall<'a>,
    batch: usize,
    labels: &'a [i32],
    frames: usize,
    states: usize,
}

impl Sequence<'_> {
    /// The states and what lies before them.
    fn width(&self) -> usize {
        self.states + PADDING
    }

    #[inline(never)]
    fn label(&self, state: usize) -> usize {
        if state.is_multiple_of(2) { self.call.blank } else { self.labels[state / 2] as usize }
    }

    /// Where a frame's numbers begin.
    fn offset(&self, frame: usize) -> usize {
        (frame * self.call.input_lengths.len() + self.batch) * self.call.classes
    }

    /// ln Σ over all paths. Of each frame `reached` gets a row, or of all the same one where there is room for no more: what leads to each
    /// state, α without the frame's own x. In reverse, states and frames from the last to the first, that is β.
    fn sweep(&self, reached: &mut [f32], work: &mut [f32], is_reverse: bool) -> f64 {
        let [width, states] = [self.width(), self.states];
        let (previous, skips) = work.split_at_mut(width);
        let label = |state: usize| self.label(if is_reverse { states - 1 - state } else { state });
        for (state, skip) in skips[..states].iter_mut().enumerate() {
            // What comes before the first frame leads to state 1 in this way.
            let leads = state == 1
                || state > 1
                    && label(if is_reverse { state } else { state - 2 }) != self.call.blank
                    && label(state) != label(state - 2);
            *skip = if leads { 0.0 } else { f32::NEG_INFINITY };
        }
        // Before the first frame: in a state −1, which leads to the first two.
        previous.fill(f32::NEG_INFINITY);
        previous[PADDING - 1] = 0.0;
        let mut taken = 0.0;
        let mut reference = 0.0;
        for step in 0..self.frames {
            let start = if reached.len() == width { 0 } else { step * width };
            let current = &mut reached[start..][..states];
            fill(current, |state| {
                let skipped = load(previous, state) + load(skips, state);
                log_sum(load(previous, state + PADDING), load(previous, state + 1), skipped, reference)
            });
            taken += f64::from(reference);
            let frame = if is_reverse { self.frames - 1 - step } else { step };
            let x = &self.call.log_probabilities[self.offset(frame)..][..self.call.classes];
            previous.fill(f32::NEG_INFINITY);
            let states = &mut previous[PADDING..];
            for (state, value) in states.iter_mut().enumerate() {
                *value = current[state] + x[label(state)];
            }
            reference = largest(states);
            if reference == f32::NEG_INFINITY {
                reference = 0.0;
            }
        }
        let [label, blank] = [1, 2].map(|state| F32x4::splat(previous[states + state - 1]));
        let none = F32x4::splat(f32::NEG_INFINITY);
        taken + f64::from(log_sum(blank, label, none, 0.0).to_array()[0])
    }

    /// Writes −factor · γ; forward, reverse: what `sweep` leaves of all frames; occupancy: a row.
    fn backward(&self, gradient: &mut [f32], factor: f32, forward: &[f32], reverse: &[f32], occupancy: &mut [f32]) {
        let occupancy = &mut occupancy[..self.states];
        for frame in 0..self.frames {
            let offset = self.offset(frame);
            let x = &self.call.log_probabilities[offset..][..self.call.classes];
            let alpha = &forward[frame * self.width()..][..self.states];
            let beta = &reverse[(self.frames - 1 - frame) * self.width()..][..self.states];
            for (state, value) in occupancy.iter_mut().enumerate() {
                *value = alpha[state] + x[self.label(state)] + beta[self.states - 1 - state];
            }
            // γ_t(s) = exp(α_t(s) + β_t(s)) / Σ_s exp(α_t(s) + β_t(s))
            let most = F32x4::splat(largest(occupancy));
            for index in (0..self.states).step_by(LANES) {
                let difference = load(occupancy, index) - most;
                let small = difference.lt(F32x4::splat(CUTOFF));
                store(occupancy, index, small.select(F32x4::zero(), exp(difference)));
            }
            let scale = factor / sum(occupancy);
            let slopes = &mut gradient[offset..][..self.call.classes];
            for (state, part) in occupancy.iter().enumerate() {
                slopes[self.label(state)] += part;
            }
            for slope in slopes {
                *slope = canonical_scalar(0.0 - *slope * scale);
            }
        }
    }
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

/// losses: `[B]`; gradient: Σ factor · loss at the log-probabilities, `[T, B, C]`, where it is asked for, with the factors; scratch:
/// `ctc_scratch_length`. A batch without frames has a loss of 0 where it has no labels either. The gradient is 0 past a batch's
/// frames, NaN where its loss is infinite.
pub fn ctc(losses: &mut [f32], mut gradient: Option<(&mut [f32], Factors)>, call: &CtcCall, scratch: &mut [f32]) {
    if let Some((gradient, _)) = &mut gradient {
        gradient.fill(0.0);
    }
    let mut targets = call.targets;
    for (batch, loss) in losses.iter_mut().enumerate() {
        let (labels, rest) = targets.split_at(call.target_lengths[batch] as usize);
        targets = rest;
        let frames = call.input_lengths[batch] as usize;
        let sequence = Sequence { call, batch, labels, frames, states: 2 * labels.len() + 1 };
        let kept = if gradient.is_some() { frames } else { 1 };
        let (forward, rest) = scratch.split_at_mut(kept * sequence.width());
        let (reverse, work) = rest.split_at_mut(forward.len());
        let value = (0.0 - sequence.sweep(forward, work, false)) as f32;
        let is_dropped = call.zero_infinity && value == f32::INFINITY;
        *loss = if is_dropped { 0.0 } else { canonical_scalar(value) };
        if let Some((gradient, factors)) = &mut gradient
            && !is_dropped
        {
            sequence.sweep(reverse, work, true);
            sequence.backward(gradient, factors.of(batch), forward, reverse, work);
        }
    }
}
