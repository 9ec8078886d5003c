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
