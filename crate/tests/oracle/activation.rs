//! The activation functions in float64.

#[path = "math.rs"]
pub mod math;

pub fn gelu(x: f64) -> f64 {
    x * math::normal_cdf(x)
}

/// The argument of tanh in its approximation.
pub fn gelu_tanh_argument(x: f64) -> f64 {
    std::f64::consts::FRAC_2_PI.sqrt() * (x + 0.044715 * x * x * x)
}

/// ½·x·(1 + tanh u), which is x / (1 + exp(−2u)) without its cancellation.
pub fn gelu_tanh(x: f64) -> f64 {
    x / (1.0 + (-2.0 * gelu_tanh_argument(x)).exp())
}

pub fn silu(x: f64) -> f64 {
    x / (1.0 + (-x).exp())
}

/// 1 / (1 + exp(−x)), of small numbers where it is small.
pub fn sigmoid(x: f64) -> f64 {
    if x < 0.0 { x.exp() / (1.0 + x.exp()) } else { 1.0 / (1.0 + (-x).exp()) }
}
