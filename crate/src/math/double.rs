//! Functions in float64, one number at a time, for what is computed rarely and wants room: the angles of position
//! tables and the random generator. Plain additions and multiplications only, so both arithmetics give the same bits.
//! None is inlined, since a copy weighs more than a call.

/// 1.5·2^52: added to t, it rounds t to an integer, which ends up in the low bits.
const ROUNDER: f64 = 6_755_399_441_055_744.0;

/// 1 / i! for i < 16.
const INVERSE_FACTORIALS: [f64; 16] = {
    let mut table = [1.0; 16];
    let mut i = 1;
    while i < table.len() {
        table[i] = table[i - 1] / i as f64;
        i += 1;
    }
    table
};

/// 2^x for −1023 ≤ x ≤ 1024; relative error below 1e-15 for |x| ≤ 1000. 0 for x < −1022.5, ∞ for x > 1023.5; NaN for NaN.
#[inline(never)]
pub fn exp2_double(x: f64) -> f64 {
    let rounded = x + ROUNDER;
    let r = (x - (rounded - ROUNDER)) * core::f64::consts::LN_2;
    let mut sum = 0.0;
    for &coefficient in INVERSE_FACTORIALS[..14].iter().rev() {
        sum = sum * r + coefficient;
    }
    sum * f64::from_bits(rounded.to_bits().wrapping_add(1023) << 52)
}

/// e^x; relative error below 1e-15 + |x|·2^-52 for |x| ≤ 690. 0 for x < −709, ∞ for x > 709.5; NaN for NaN.
#[inline]
pub fn exp_double(x: f64) -> f64 {
    exp2_double((x * core::f64::consts::LOG2_E).clamp(-1023.0, 1024.0))
}

/// log2 x for positive, normal, finite x; relative error below 1e-15.
#[inline(never)]
pub fn log2_double(x: f64) -> f64 {
    /// The bits of √½, rounded down.
    const SQRT_HALF: u64 = 0x3fe6_a09e_667f_3bcc;
    let offset = x.to_bits() + (1023 << 52) - SQRT_HALF;
    let n = (offset >> 52) as f64 - 1023.0;
    let m = f64::from_bits((offset & 0x000f_ffff_ffff_ffff) + SQRT_HALF);
    // log m = 2·artanh s, with |s| ≤ 0.172.
    let s = (m - 1.0) / (m + 1.0);
    let square = s * s;
    let mut sum = 0.0;
    for odd in (1..=21_u8).rev().step_by(2) {
        sum = sum * square + 1.0 / f64::from(odd);
    }
    n + s * sum * (2.0 * core::f64::consts::LOG2_E)
}

/// sin and cos of an angle in radians, |angle| ≤ 2^31. Rounded to float32 each is next to the true value or, once in
/// thousands, its neighbour.
#[inline]
pub fn sin_cos(angle: f64) -> (f64, f64) {
    /// π/2 in parts that are subtracted one after the other (Cody and Waite 1980): as few as n allows. Products of n < 2^20
    /// with parts of 33 bits are exact, and so are those of n < 2^31 with parts of 22 bits. Both leave the same rest.
    const HALF_PI_33: [f64; 2] = [1.570_796_326_734_125_6, 6.077_100_506_303_966e-11];
    const HALF_PI_22: [f64; 3] = [1.570_796_012_878_418, 3.139_164_164_167_596e-7, 6.223_371_969_669_989e-14];
    const HALF_PI_REST: f64 = 2.022_266_248_795_950_6e-21;
    let rounded = angle * core::f64::consts::FRAC_2_PI + ROUNDER;
    let n = rounded - ROUNDER;
    let r = if n.abs() < 1_048_576.0 {
        angle - n * HALF_PI_33[0] - n * HALF_PI_33[1]
    } else {
        angle - n * HALF_PI_22[0] - n * HALF_PI_22[1] - n * HALF_PI_22[2]
    };
    let r = r - n * HALF_PI_REST;
    let square = r * r;
    let mut sin = 0.0;
    let mut cos = 0.0;
    for i in (0..8).rev() {
        sin = INVERSE_FACTORIALS[2 * i + 1] - sin * square;
        cos = INVERSE_FACTORIALS[2 * i] - cos * square;
    }
    let sin = sin * r;
    match rounded.to_bits() & 3 {
        0 => (sin, cos),
        1 => (cos, -sin),
        2 => (-sin, -cos),
        _ => (-cos, sin),
    }
}
