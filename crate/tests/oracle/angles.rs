//! Sine and cosine of large angles, in integers.

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
