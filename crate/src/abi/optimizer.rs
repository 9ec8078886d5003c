//! The exports of the optimizers, which change parameters and their state in place.

use super::arguments::AdamArguments;
use super::slices::{read, slice, slice_mut};
use crate::math;
use crate::optimizer;
use crate::optimizer::{AdamCoefficients, SgdCoefficients};
use crate::sum::sums_double;
use wasm_bindgen::prelude::wasm_bindgen;

/// A step of Adam or AdamW over the argument block at `arguments`.
#[wasm_bindgen]
pub fn adam(arguments: usize) {
    let arguments = read::<AdamArguments>(arguments);
    let length = arguments.length as usize;
    let coefficients = AdamCoefficients {
        decay: arguments.decay,
        weight_decay: arguments.weight_decay,
        first_share: arguments.first_share,
        second_decay: arguments.second_decay,
        second_share: arguments.second_share,
        step_size: arguments.step_size,
        correction: arguments.correction,
        epsilon: arguments.epsilon,
    };
    let largest = match arguments.largest {
        0 => None,
        pointer => Some(slice_mut(pointer as usize, length)),
    };
    optimizer::adam(
        slice_mut(arguments.parameter as usize, length),
        slice_mut(arguments.first as usize, length),
        slice_mut(arguments.second as usize, length),
        largest,
        slice(arguments.gradient as usize, length),
        &coefficients,
    );
}

/// A step of SGD, with momentum where there is a buffer for it.
#[wasm_bindgen]
pub fn sgd(
    parameter: usize,
    optional_buffer: usize,
    gradient: usize,
    length: usize,
    step_size: f32,
    weight_decay: f32,
    momentum: f32,
    share: f32,
    nesterov: u32,
    is_first: u32,
) {
    let coefficients =
        SgdCoefficients { step_size, weight_decay, momentum, share, nesterov: nesterov != 0, is_first: is_first != 0 };
    let buffer = if optional_buffer == 0 { None } else { Some(slice_mut(optional_buffer, length)) };
    optimizer::sgd(slice_mut(parameter, length), buffer, slice(gradient, length), &coefficients);
}

/// averages = decay · averages + share · parameter.
#[wasm_bindgen]
pub fn average(averages: usize, parameter: usize, length: usize, decay: f32, share: f32) {
    optimizer::average(slice_mut(averages, length), slice(parameter, length), decay, share);
}

/// `total`, a float64, = Σ values².
#[wasm_bindgen]
pub fn sum_of_squares(total: usize, values: usize, length: usize) {
    slice_mut(total, 1)[0] = sums_double(slice(values, length), 0.0).1;
}

/// Multiplies every value, in place.
#[wasm_bindgen]
pub fn scale(values: usize, length: usize, factor: f32) {
    optimizer::scale(slice_mut(values, length), factor);
}

/// Moves every value into [low, high], in place; NaN stays.
#[wasm_bindgen]
pub fn clamp(values: usize, length: usize, low: f32, high: f32) {
    optimizer::clamp(slice_mut(values, length), low, high);
}

/// `result`, a float64, = cos(angle), for |angle| ≤ 2^31.
#[wasm_bindgen]
pub fn cosine(result: usize, angle: f64) {
    slice_mut(result, 1)[0] = math::sin_cos(angle).1;
}
