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

/// sin and cos of an angle of at most 2^31, by its distance from a multiple of π/2 in integers: units of 2^-94, so that
/// nothing is rounded before the distance is known to 2^-64.
pub fn sin_cos(angle: f64) -> (f64, f64) {
    const UNIT: i32 = -94;
    /// π/2 in these units, rounded.
    const HALF_PI: i128 = 0x6487_ed51_10b4_611a_6263_3146;
    // Below 2^-40 an angle may have finer bits, and is its own distance.
    if angle.abs() < 2_f64.powi(-40) {
        return (angle, 1.0);
    }
    let bits = angle.abs().to_bits();
    let exponent = (bits >> 52) as i32 - 1075;
    let mantissa = i128::from(bits & ((1 << 52) - 1) | 1 << 52);
    let units = mantissa << (exponent - UNIT);
    let quarters = (2 * units + HALF_PI).div_euclid(2 * HALF_PI);
    let distance = (units - quarters * HALF_PI) as f64 * 2_f64.powi(UNIT);
    let (sin, cos) = match quarters % 4 {
        0 => (distance.sin(), distance.cos()),
        1 => (distance.cos(), -distance.sin()),
        2 => (-distance.sin(), -distance.cos()),
        _ => (-distance.cos(), distance.sin()),
    };
    (sin * angle.signum(), cos)
}
