//! float64 values of the transcendental functions.

use std::f64::consts::PI;

/// Φ(x), relative error about 1e-13.
pub fn normal_cdf(x: f64) -> f64 {
    let density = (-0.5 * x * x).exp() / (2.0 * PI).sqrt();
    let a = x.abs();
    let tail = if a < 3.0 {
        // Φ(a) − ½ = φ(a)·(a + a³/3 + a⁵/(3·5) + …)
        let mut term = a;
        let mut sum = 0.0;
        let mut odd = 1.0;
        while term > 1e-20 {
            sum += term;
            odd += 2.0;
            term *= a * a / odd;
        }
        0.5 - density * sum
    } else {
        // Laplace's continued fraction a + 1/(a + 2/(a + 3/(a + …)))
        let fraction = (1..=300).rev().fold(a, |fraction, k| a + f64::from(k) / fraction);
        density / fraction
    };
    if x < 0.0 { tail } else { 1.0 - tail }
}

/// |value − truth| in units of the last place of a float32 near the truth (of 2^-149 where that is subnormal).
pub fn error_in_ulp(value: f32, truth: f64) -> f64 {
    if f64::from(value) == truth || (value.is_nan() && truth.is_nan()) {
        return 0.0;
    }
    let exponent = ((truth.abs().to_bits() >> 52) as i32 - 1023).clamp(-126, 127);
    (f64::from(value) - truth).abs() / 2_f64.powi(exponent - 23)
}
