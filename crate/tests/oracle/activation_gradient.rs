//! The derivatives of the activation functions in float64.

use super::oracle::math::normal_cdf;
use super::oracle::{gelu_tanh_argument, sigmoid};

/// The two terms of a derivative, whose sum it is.
pub type Terms = [f64; 2];

/// s · (1 − s).
fn sigmoid_slope(x: f64) -> f64 {
    sigmoid(x) * sigmoid(-x)
}

pub fn gelu_derivative(x: f64) -> Terms {
    let density = (-0.5 * x * x).exp() / (2.0 * std::f64::consts::PI).sqrt();
    [normal_cdf(x), x * density]
}

/// ½·(1 + tanh u) + ½·x·(1 − tanh² u)·u′, with the sigmoid of 2u in place of ½·(1 + tanh u).
pub fn gelu_tanh_derivative(x: f64) -> Terms {
    let u = gelu_tanh_argument(x);
    let du = std::f64::consts::FRAC_2_PI.sqrt() * (1.0 + 3.0 * 0.044715 * x * x);
    let slope = 2.0 * sigmoid_slope(2.0 * u);
    [sigmoid(2.0 * u), if slope == 0.0 { 0.0 } else { x * slope * du }]
}

pub fn silu_derivative(x: f64) -> Terms {
    [sigmoid(x), x * sigmoid_slope(x)]
}

pub fn sigmoid_derivative(x: f64) -> Terms {
    [sigmoid_slope(x), 0.0]
}

/// 1 − tanh² = 4 · s · (1 − s) of 2x.
pub fn tanh_derivative(x: f64) -> Terms {
    [4.0 * sigmoid_slope(2.0 * x), 0.0]
}
