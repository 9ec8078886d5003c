//! The 16-bit types by their definition, in float64.

/// The value of float16 bits.
pub fn float16_value(bits: u16) -> f64 {
    value(bits, 5, 10)
}

/// The value of bfloat16 bits.
pub fn bfloat16_value(bits: u16) -> f64 {
    value(bits, 8, 7)
}

fn value(bits: u16, exponent_bits: u32, mantissa_bits: u32) -> f64 {
    let sign = if bits >> 15 == 1 { -1.0 } else { 1.0 };
    let top = (1 << exponent_bits) - 1;
    let bias = top >> 1;
    let exponent = i32::from(bits >> mantissa_bits) & top;
    let mantissa = f64::from(bits & ((1 << mantissa_bits) - 1)) / f64::from(1 << mantissa_bits);
    match exponent {
        0 => sign * mantissa * 2_f64.powi(1 - bias),
        e if e == top && mantissa == 0.0 => sign * f64::INFINITY,
        e if e == top => f64::NAN,
        e => sign * (1.0 + mantissa) * 2_f64.powi(e - bias),
    }
}

/// The bits of the value that is nearest to x, ties to even bits. `infinity`: the bits of +∞, below which all positive
/// values lie in the order of their bits.
pub fn nearest(x: f64, infinity: u16, value: fn(u16) -> f64) -> u16 {
    let sign = if x.is_sign_negative() { 0x8000 } else { 0 };
    let x = x.abs();
    let largest = value(infinity - 1);
    // Rounding overflows half a step above the largest value.
    if x >= largest + (largest - value(infinity - 2)) / 2.0 {
        return sign | infinity;
    }
    let (mut low, mut high) = (0, infinity - 1);
    while low < high {
        let middle = (low + high).div_ceil(2);
        if value(middle) <= x { low = middle } else { high = middle - 1 }
    }
    let up = (low + 1).min(infinity - 1);
    let (below, above) = (x - value(low), value(up) - x);
    sign | if above < below || (above == below && low % 2 == 1) { up } else { low }
}
