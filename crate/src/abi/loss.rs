//! The exports of the losses. The `factors` of the backward ones are one number, or one for each loss.

use super::numbers::OVERFLOW;
use super::slices::{optional_slice, product, slice, slice_mut};
use crate::indices::require_inside;
use crate::loss;
use crate::loss::{CtcCall, Factors, Targets};
use crate::math;
use wasm_bindgen::prelude::wasm_bindgen;

fn factors<'a>(pointer: usize, count: usize, losses: usize) -> Factors<'a> {
    if count == 1 || count == losses { Factors(slice(pointer, count)) } else { panic!() }
}

/// The classes of rows where there are some, else the probabilities.
fn targets<'a>(
    optional_classes: usize,
    optional_probabilities: usize,
    rows: usize,
    columns: usize,
    ignored: i32,
) -> Targets<'a> {
    let Some(classes) = optional_slice::<i32>(optional_classes, rows) else {
        return Targets::Probabilities(slice(optional_probabilities, product(&[rows, columns])));
    };
    for &class in classes {
        if class != ignored {
            require_inside(&[class], columns).unwrap();
        }
    }
    Targets::Classes { classes, ignored }
}

/// `output` = Σ losses / divisor; 0 for a divisor of 0.
#[wasm_bindgen]
pub fn loss_reduction(output: usize, losses: usize, length: usize, divisor: f64) {
    slice_mut(output, 1)[0] = loss::reduce(slice(losses, length), divisor);
}

/// e^x, in float64, as of a mean loss.
#[wasm_bindgen]
pub fn exponential(x: f64) -> f64 {
    math::exp_double(x)
}

/// losses `[rows]` of logits `[rows, columns]`, which are multiplied with `scale`; targets: int32 `[rows]`, or probabilities `[rows, columns]`.
#[wasm_bindgen]
pub fn cross_entropy(
    losses: usize,
    logits: usize,
    optional_classes: usize,
    optional_probabilities: usize,
    optional_weight: usize,
    rows: usize,
    columns: usize,
    ignored: i32,
    smoothing: f64,
    scale: f32,
) {
    let targets = targets(optional_classes, optional_probabilities, rows, columns, ignored);
    let logits = slice(logits, product(&[rows, columns]));
    let weight = optional_slice(optional_weight, columns);
    loss::cross_entropy(slice_mut(losses, rows), logits, targets, weight, columns, smoothing, scale);
}

/// The gradient at the scaled logits.
#[wasm_bindgen]
pub fn cross_entropy_backward(
    gradient: usize,
    logits: usize,
    optional_classes: usize,
    optional_probabilities: usize,
    optional_weight: usize,
    gradient_factors: usize,
    factor_count: usize,
    rows: usize,
    columns: usize,
    ignored: i32,
    smoothing: f64,
    scale: f32,
) {
    let targets = targets(optional_classes, optional_probabilities, rows, columns, ignored);
    let count = product(&[rows, columns]);
    let weight = optional_slice(optional_weight, columns);
    let factors = factors(gradient_factors, factor_count, rows);
    let gradient = slice_mut(gradient, count);
    loss::cross_entropy_backward(gradient, slice(logits, count), targets, weight, factors, columns, smoothing, scale);
}

/// losses `[length]`; so are the logits, the targets and the weights.
#[wasm_bindgen]
pub fn binary_cross_entropy(
    losses: usize,
    logits: usize,
    targets: usize,
    optional_weight: usize,
    optional_positive_weight: usize,
    length: usize,
) {
    let weight = optional_slice(optional_weight, length);
    let positive_weight = optional_slice(optional_positive_weight, length);
    let losses = slice_mut(losses, length);
    let targets = slice(targets, length);
    loss::binary_cross_entropy(losses, slice(logits, length), targets, weight, positive_weight);
}

/// The gradient at the logits.
#[wasm_bindgen]
pub fn binary_cross_entropy_backward(
    gradient: usize,
    logits: usize,
    targets: usize,
    optional_weight: usize,
    optional_positive_weight: usize,
    gradient_factors: usize,
    factor_count: usize,
    length: usize,
) {
    let weight = optional_slice(optional_weight, length);
    let positive_weight = optional_slice(optional_positive_weight, length);
    let factors = factors(gradient_factors, factor_count, length);
    let gradient = slice_mut(gradient, length);
    let (logits, targets) = (slice(logits, length), slice(targets, length));
    loss::binary_cross_entropy_backward(gradient, logits, targets, weight, positive_weight, factors);
}

/// `losses[i]` = (`input[i]` − `target[i]`)².
#[wasm_bindgen]
pub fn mean_squared_error(losses: usize, input: usize, target: usize, length: usize) {
    loss::mean_squared_error(slice_mut(losses, length), slice(input, length), slice(target, length));
}

/// The gradient at the input.
#[wasm_bindgen]
pub fn mean_squared_error_backward(
    gradient: usize,
    input: usize,
    target: usize,
    gradient_factors: usize,
    factor_count: usize,
    length: usize,
) {
    let factors = factors(gradient_factors, factor_count, length);
    let (input, target) = (slice(input, length), slice(target, length));
    loss::mean_squared_error_backward(slice_mut(gradient, length), input, target, factors);
}

/// Elements of scratch memory, for the loss with one frame, for the gradient with all; `labels` is the most that a batch has.
/// `OVERFLOW` when that overflows.
#[wasm_bindgen]
pub fn ctc_scratch_length(frames: usize, labels: usize) -> usize {
    loss::ctc_scratch_length(frames, labels).unwrap_or(OVERFLOW as usize)
}

/// A call and the most labels that a batch has. integers: each batch's frames, each batch's number of labels, all labels.
fn ctc_call<'a>(
    log_probabilities: usize,
    integers: usize,
    frames: usize,
    batch: usize,
    classes: usize,
    blank: usize,
    zero_infinity: bool,
) -> (CtcCall<'a>, usize) {
    let lengths = slice::<i32>(integers, product(&[batch, 2]));
    let (input_lengths, target_lengths) = lengths.split_at(batch);
    let mut labels = 0_usize;
    for &length in target_lengths {
        let length = usize::try_from(length).unwrap();
        labels = labels.checked_add(length).unwrap();
    }
    let all = lengths.len().checked_add(labels).unwrap();
    let targets = &slice::<i32>(integers, all)[lengths.len()..];
    let valid = require_inside(input_lengths, frames.saturating_add(1))
        .and_then(|()| require_inside(targets, classes))
        .and_then(|()| require_inside(&[blank as i32], classes));
    valid.unwrap();
    let log_probabilities = slice(log_probabilities, product(&[frames, batch, classes]));
    let most = target_lengths.iter().copied().max().unwrap_or(0) as usize;
    let call = CtcCall { log_probabilities, targets, input_lengths, target_lengths, classes, blank, zero_infinity };
    (call, most)
}

/// losses `[batch]` of log-probabilities `[frames, batch, classes]`, and their gradient where it is asked for, with the factors
/// `[batch]`; integers: as `ctc_call` has them; scratch: for one frame, with a gradient for all.
#[wasm_bindgen]
pub fn ctc(
    losses: usize,
    optional_gradient: usize,
    log_probabilities: usize,
    integers: usize,
    optional_factors: usize,
    scratch: usize,
    frames: usize,
    batch: usize,
    classes: usize,
    blank: usize,
    zero_infinity: u32,
) {
    let (call, labels) = ctc_call(log_probabilities, integers, frames, batch, classes, blank, zero_infinity != 0);
    let gradient = optional_slice(optional_factors, batch)
        .map(|factors| (slice_mut(optional_gradient, call.log_probabilities.len()), Factors(factors)));
    let kept = if gradient.is_some() { frames } else { 1 };
    let scratch_length = loss::ctc_scratch_length(kept, labels).unwrap();
    loss::ctc(slice_mut(losses, batch), gradient, &call, slice_mut(scratch, scratch_length));
}
