//! The transcendental functions against float64, over a sweep of all exponents.

#[path = "oracle/angles.rs"]
mod angles;
#[path = "oracle/math.rs"]
mod oracle;

use wasm_attention::math::{
    exp, exp_double, exp2_double, log, log2_double, normal_cdf, normal_cdf_and_density, sin_cos, tanh,
};
use wasm_attention::simd::{F32x4, FUSED};

/// The step between the bit patterns of a sweep: a prime, so that low mantissa bits vary.
const STRIDE: usize = 1009;

/// Every STRIDE-th float32 of either sign between two magnitudes, both included.
fn sweep(low: f32, high: f32) -> impl Iterator<Item = f32> {
    (low.to_bits()..=high.to_bits()).step_by(STRIDE).chain([high.to_bits()]).map(f32::from_bits).flat_map(|x| [x, -x])
}

/// |value − truth| in units of the last place of a float32 near the truth (of 2^-149 where that is subnormal).
fn error_in_ulp(value: f32, truth: f64) -> f64 {
    if f64::from(value) == truth || (value.is_nan() && truth.is_nan()) {
        return 0.0;
    }
    let exponent = ((truth.abs().to_bits() >> 52) as i32 - 1023).clamp(-126, 127);
    (f64::from(value) - truth).abs() / 2_f64.powi(exponent - 23)
}

fn one(function: impl Fn(F32x4) -> F32x4, x: f32) -> f32 {
    function(F32x4::splat(x)).to_array()[0]
}

/// The largest error in ulp, which must stay below the bound of the arithmetic that runs. (Printed, to be stated.)
fn check(
    name: &str,
    bound: f64,
    inputs: impl Iterator<Item = f32>,
    function: impl Fn(F32x4) -> F32x4,
    truth: impl Fn(f64) -> f64,
) {
    let (error, at) = inputs
        .map(|x| (error_in_ulp(one(&function, x), truth(f64::from(x))), x))
        .fold((0.0, 0.0), |worst, next| if next.0 <= worst.0 { worst } else { next });
    println!("{name}: {error:.3} ulp at {at:e}, fused: {FUSED}");
    assert!(error <= bound, "{name}: {error} ulp at {at:e}");
}

#[test]
fn exp_is_accurate() {
    let inputs = sweep(0.0, 88.722_83).filter(|&x| x > -86.98);
    check("exp", 1.1, inputs, exp, f64::exp);
}

#[test]
fn exp_at_the_ends() {
    for (x, expected) in [
        (0.0, 1.0),
        (-0.0, 1.0),
        (-87.0, 0.0),
        (-87.5, 0.0),
        (-100.0, 0.0),
        (f32::MIN, 0.0),
        (f32::NEG_INFINITY, 0.0),
        (88.722_84, f32::INFINITY),
        (89.5, f32::INFINITY),
        (f32::MAX, f32::INFINITY),
        (f32::INFINITY, f32::INFINITY),
    ] {
        assert_eq!(one(exp, x).to_bits(), f32::to_bits(expected), "exp({x})");
    }
    assert!(one(exp, f32::NAN).is_nan() && one(exp, -f32::NAN).is_nan());
    assert!(one(exp, f32::from_bits(0x7fff_ffff)).is_nan() && one(exp, f32::from_bits(0xff80_0001)).is_nan());
    // No result is subnormal.
    for x in sweep(86.0, 88.0) {
        let result = one(exp, x);
        assert!(result == 0.0 || result.is_normal(), "exp({x}) = {result}");
    }
}

#[test]
fn log_is_accurate() {
    check("log", 0.9, sweep(0.0, f32::MAX).filter(|&x| x > 0.0), log, f64::ln);
    check("log near 1", 0.9, sweep(0.5, 2.0).filter(|&x| x > 0.0), log, f64::ln);
}

#[test]
fn log_of_special_values() {
    assert_eq!(one(log, 1.0).to_bits(), 0);
    assert_eq!((one(log, 0.0), one(log, -0.0)), (f32::NEG_INFINITY, f32::NEG_INFINITY));
    assert_eq!(one(log, f32::INFINITY), f32::INFINITY);
    for x in [-1.0, -f32::MIN_POSITIVE, -1e-40, f32::MIN, f32::NEG_INFINITY, f32::NAN, -f32::NAN] {
        assert!(one(log, x).is_nan(), "log({x})");
    }
}

#[test]
fn tanh_is_accurate() {
    check("tanh", 2.5, sweep(0.0, f32::INFINITY), tanh, f64::tanh);
}

#[test]
fn tanh_of_special_values() {
    assert_eq!(one(tanh, 0.0).to_bits(), 0);
    assert_eq!(one(tanh, -0.0).to_bits(), (-0.0_f32).to_bits());
    assert_eq!((one(tanh, f32::INFINITY), one(tanh, f32::NEG_INFINITY)), (1.0, -1.0));
    assert!(one(tanh, f32::NAN).is_nan());
}

#[test]
fn normal_cdf_is_accurate() {
    check(
        "normal_cdf",
        if FUSED { 6.0 } else { 7.5 },
        sweep(0.0, f32::INFINITY).filter(|&x| x >= -12.5),
        normal_cdf,
        oracle::normal_cdf,
    );
}

fn density(x: F32x4) -> F32x4 {
    normal_cdf_and_density(x).1
}

#[test]
fn the_normal_density_is_accurate() {
    let truth = |x: f64| (-0.5 * x * x).exp() / (2.0 * std::f64::consts::PI).sqrt();
    check("density", 2.0, sweep(0.0, 12.5), density, truth);
    assert_eq!([12.6, -12.6, f32::MAX, f32::INFINITY, f32::NEG_INFINITY].map(|x| one(density, x)), [0.0; 5]);
    assert!(one(density, f32::NAN).is_nan());
}

#[test]
fn normal_cdf_of_special_values() {
    assert_eq!(one(normal_cdf, -12.6), 0.0);
    assert_eq!((one(normal_cdf, f32::INFINITY), one(normal_cdf, f32::NEG_INFINITY)), (1.0, 0.0));
    assert!(one(normal_cdf, f32::NAN).is_nan());
    assert!(sweep(12.0, 13.0).map(|x| one(normal_cdf, x)).all(|y| y == 0.0 || y.is_normal()));
}

#[test]
fn lanes_do_not_influence_each_other() {
    for function in [exp, log, tanh, normal_cdf] {
        let mixed = function(F32x4::from_array([1.5, f32::NAN, -f32::INFINITY, 0.25])).to_array();
        assert_eq!(mixed[0].to_bits(), one(function, 1.5).to_bits());
        assert_eq!(mixed[3].to_bits(), one(function, 0.25).to_bits());
    }
}

/// The larger error of sin_cos at an angle, in ulp of float32, against exact integer arithmetic.
fn sin_cos_error(angle: f64) -> f64 {
    let (truth_sin, truth_cos) = angles::sin_cos(angle);
    let (sin, cos) = sin_cos(angle);
    error_in_ulp(sin as f32, truth_sin).max(error_in_ulp(cos as f32, truth_cos))
}

#[test]
fn the_oracle_of_sin_and_cos_agrees_with_the_library() {
    for angle in sweep(1e-30, 1e6).map(f64::from) {
        let (sin, cos) = angles::sin_cos(angle);
        assert!((sin - angle.sin()).abs() <= 2e-16 && (cos - angle.cos()).abs() <= 2e-16, "{angle}");
    }
}

#[test]
fn sin_and_cos_are_accurate() {
    const LARGEST: f64 = 2_147_483_648.0;
    let small = sweep(1e-30, 2e9).map(f64::from).chain((0..100_000).step_by(STRIDE).map(|i| i as f64 * 10.0 / 3.0));
    // Angles of every size with all bits of their mantissa.
    let large = (0..300_000_u64).map(|i| {
        let bits = i.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (bits >> 11) as f64 / (1_u64 << 53) as f64 * LARGEST / (1_u64 << (i % 13)) as f64
    });
    let worst = small.chain(large).chain([LARGEST, -LARGEST]).map(sin_cos_error).fold(0.0, f64::max);
    println!("sin_cos: {worst:.6} ulp");
    assert!(worst <= 0.501, "sin_cos: {worst} ulp");
    // Close to multiples of π/2 the result is as small as the rounding of the multiple. From 2^20 on there are more parts.
    for n in
        (1..2000).chain(1_048_000..1_049_000).chain((1_000_000..1_367_130_551).step_by(99_991)).chain([1_367_130_551])
    {
        let angle = f64::from(n) * std::f64::consts::FRAC_PI_2;
        let error = sin_cos_error(angle).max(sin_cos_error(-angle));
        assert!(error <= 0.501, "sin_cos({angle}): {error} ulp");
    }
    assert_eq!(sin_cos(0.0), (0.0, 1.0));
}

#[test]
fn double_functions_are_accurate() {
    let mut worst = (0.0_f64, 0.0_f64);
    for i in (-1000 * 1024..1000 * 1024).step_by(STRIDE) {
        let x = f64::from(i) / 1024.0 + 1.0 / 3072.0;
        worst.0 = worst.0.max((exp2_double(x) / x.exp2() - 1.0).abs());
    }
    for bits in (f64::MIN_POSITIVE.to_bits()..f64::MAX.to_bits()).step_by(STRIDE << 30) {
        let x = f64::from_bits(bits);
        worst.1 = worst.1.max((log2_double(x) / x.log2() - 1.0).abs());
    }
    for i in (1..4_000_000).step_by(STRIDE) {
        let x = f64::from(i) / 1_000_000.0;
        worst.1 = worst.1.max((log2_double(x) - x.log2()).abs() / x.log2().abs());
    }
    println!("exp2_double: {:e}, log2_double: {:e}", worst.0, worst.1);
    assert!(worst.0 < 1e-15 && worst.1 < 1e-15);
    assert_eq!((exp2_double(10.0), log2_double(1024.0), log2_double(1.0)), (1024.0, 10.0, 0.0));
}

#[test]
fn the_double_exponential_is_accurate_and_ends() {
    for i in (-690 * 1024..690 * 1024).step_by(STRIDE) {
        let x = f64::from(i) / 1024.0 + 1.0 / 3072.0;
        assert!((exp_double(x) / x.exp() - 1.0).abs() < 1e-15 + x.abs() * f64::EPSILON, "{x}");
    }
    assert_eq!((exp_double(0.0), exp_double(-0.0)), (1.0, 1.0));
    for end in [709.6, 1e5, f64::MAX, f64::INFINITY] {
        assert_eq!((exp_double(end), exp_double(-end)), (f64::INFINITY, 0.0), "{end}");
    }
    assert!(exp_double(f64::NAN).is_nan());
}
