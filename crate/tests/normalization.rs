//! Layer norm and RMS norm against float64.

#[path = "cases/error_bounds.rs"]
mod error_bounds;
#[path = "oracle/normalization.rs"]
mod oracle;
#[path = "oracle/sample.rs"]
mod sample;

use error_bounds::powers;
use oracle::Normalized;
use sample::sample;
use wasm_attention::dtype::CANONICAL_NAN;
use wasm_attention::normalization::{layer_norm, rms_norm};

fn widths() -> impl Iterator<Item = usize> {
    (1..40).chain([63, 768, 1023, 1025, 4097])
}

/// The bound on the error of an element, of its norm before weight and bias, its weight, its result, and the row's c and s.
type Bound<'a> = &'a dyn Fn(f64, f64, f64, &Normalized) -> f64;

fn layer_norm_bound(columns: usize) -> impl Fn(f64, f64, f64, &Normalized) -> f64 {
    let quantities = ["((8 + n/16) · (|z| + c) · |weight| + |result|)", "(1 + |weight| + |weight| / s)"];
    let [unit, subnormal] = powers("layerNorm", quantities);
    move |z, weight, result, row| {
        let c = row.offset.min(17.0);
        unit * ((8.0 + columns as f64 / 16.0) * (z.abs() + c) * weight.abs() + result.abs())
            + subnormal * (1.0 + weight.abs() + weight.abs() / row.deviation)
    }
}

fn rms_norm_bound(columns: usize) -> impl Fn(f64, f64, f64, &Normalized) -> f64 {
    let [unit, subnormal] = powers("rmsNorm", ["(9 + n/16) · |result|", "(1 + |weight|)"]);
    move |_, weight, result, _| unit * (9.0 + columns as f64 / 16.0) * result.abs() + subnormal * (1.0 + weight.abs())
}

fn check(output: &[f32], expected: &Normalized, weight: Option<&[f32]>, bias: Option<&[f32]>, bound: Bound<'_>) {
    let columns = output.len();
    for (c, &y) in output.iter().enumerate() {
        let weight = weight.map_or(1.0, |weight| f64::from(weight[c]));
        let bias = bias.map_or(0.0, |bias| f64::from(bias[c]));
        let truth = expected.normal[c] * weight + bias;
        if truth.is_nan() {
            assert_eq!(y.to_bits(), CANONICAL_NAN, "{columns} columns, {c}");
            continue;
        }
        let bound = bound(expected.normal[c], weight, truth, expected);
        assert!((f64::from(y) - truth).abs() <= bound, "{columns} columns, {c}: {y:e}, expected {truth:e} ± {bound:e}");
    }
}

/// Three rows of input · scale + offset, against the oracle.
fn check_layer_norm(columns: usize, scale: f32, offset: f32, epsilon: f32) {
    let bound = layer_norm_bound(columns);
    let input: Vec<f32> = sample(3 * columns, 1).iter().map(|x| x * scale + offset).collect();
    let weight = sample(columns, 2);
    let bias = sample(columns, 3);
    for (weight, bias) in
        [(None, None), (Some(&weight[..]), None), (None, Some(&bias[..])), (Some(&weight[..]), Some(&bias[..]))]
    {
        let mut output = vec![f32::NAN; 3 * columns];
        layer_norm(&mut output, &input, weight, bias, 3, columns, epsilon);
        for (output, input) in output.chunks(columns).zip(input.chunks(columns)) {
            check(output, &oracle::layer_norm(input, epsilon), weight, bias, &bound);
        }
    }
}

fn check_rms_norm(columns: usize, scale: f32, epsilon: f32) {
    let bound = rms_norm_bound(columns);
    let input: Vec<f32> = sample(3 * columns, 4).iter().map(|x| x * scale).collect();
    let weight = sample(columns, 5);
    for weight in [None, Some(&weight[..])] {
        let mut output = vec![f32::NAN; 3 * columns];
        rms_norm(&mut output, &input, weight, 3, columns, epsilon);
        for (output, input) in output.chunks(columns).zip(input.chunks(columns)) {
            check(output, &oracle::rms_norm(input, epsilon), weight, None, &bound);
        }
    }
}

#[test]
fn layer_norm_is_within_the_stated_error() {
    // A mean of 9 is 15.6 deviations, of 9.5 it is 16.5: on either side of the limit.
    for columns in widths() {
        for (scale, offset) in [(1.0, 0.0), (1.0, 9.0), (1.0, 9.5), (1.0, 100.0), (1e-3, 0.5), (1e6, 1e5)] {
            check_layer_norm(columns, scale, offset, 1e-5);
        }
        // Large means, to where the differences are a few units in the last place, or one element's alone.
        for (scale, offset) in [(1.0, 1e4), (1.0, -1e6), (0.3, 1e7), (1e-7, 1.0)] {
            check_layer_norm(columns, scale, offset, 0.0);
            check_layer_norm(columns, scale, offset, 1e-5);
        }
    }
}

#[test]
fn rms_norm_is_within_the_stated_error() {
    for columns in widths() {
        for scale in [1.0, 1e-6, 1e6] {
            check_rms_norm(columns, scale, 1e-6);
        }
    }
}

/// 1e-38 is subnormal.
const EPSILONS: [f32; 6] = [0.0, 1e-38, 1e-30, 1e-5, 1.0, 3e38];

#[test]
fn every_finite_row_has_its_norm() {
    for columns in widths() {
        for exponent in (-148..=127).step_by(5) {
            let scale = 2_f64.powi(exponent) as f32;
            for epsilon in EPSILONS {
                check_rms_norm(columns, scale, epsilon);
                check_layer_norm(columns, scale, 0.0, epsilon);
                check_layer_norm(columns, scale * 0.5, scale * -0.5, epsilon);
                check_layer_norm(columns, scale * 1e-5, scale, epsilon);
            }
        }
        check_layer_norm(columns, 0.0, f32::MAX, 0.0);
        check_layer_norm(columns, f32::MAX, 0.0, 0.0);
        check_rms_norm(columns, f32::MAX, 0.0);
    }
}

#[test]
fn rows_of_every_magnitude_at_once() {
    for (large, small) in [(1e30, 1e-30), (f32::MAX, 1e-45), (1.0, 1e-45), (1e-22, 1e-45)] {
        let input = [large, small, -large, small, large, 0.0, -small];
        for epsilon in EPSILONS {
            let mut output = [f32::NAN; 7];
            layer_norm(&mut output, &input, None, None, 1, 7, epsilon);
            check(&output, &oracle::layer_norm(&input, epsilon), None, None, &layer_norm_bound(7));
            rms_norm(&mut output, &input, None, 1, 7, epsilon);
            check(&output, &oracle::rms_norm(&input, epsilon), None, None, &rms_norm_bound(7));
        }
    }
}

#[test]
fn equal_values_become_exactly_zero() {
    for columns in (1..40).chain([63, 767, 768, 1000, 1023, 1025, 3000, 4097, 4999, 5000]) {
        for value in [0.0, 1e-45, 1e-38, 3.3e-30, 1e-19, 0.001, 0.1, 1.0, 1234.567, 16_777_215.0, 1e19, 3e38, f32::MAX]
        {
            for (value, epsilon) in [(value, 1e-5), (-value, 1e-5), (value, 1e-45), (-value, 3e38)] {
                let mut output = vec![f32::NAN; columns];
                layer_norm(&mut output, &vec![value; columns], None, None, 1, columns, epsilon);
                assert!(output.iter().all(|y| *y == 0.0), "{columns} times {value:e}, {epsilon:e}: {:e}", output[0]);
            }
            let mut output = vec![0.0; columns];
            layer_norm(&mut output, &vec![value; columns], None, None, 1, columns, 0.0);
            assert!(output.iter().all(|y| y.to_bits() == CANONICAL_NAN));
        }
    }
}

#[test]
fn constant_rows_become_the_bias() {
    let mut output = [f32::NAN; 6];
    layer_norm(&mut output, &[3.0; 6], Some(&[2.0; 6]), Some(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]), 1, 6, 1e-5);
    assert_eq!(output, [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
}

#[test]
fn nan_and_infinity_stay_in_their_row() {
    let mut input = sample(4 * 9, 6);
    let mut clean = vec![0.0; 36];
    layer_norm(&mut clean, &input, None, None, 4, 9, 1e-5);
    input[9 + 8] = -f32::NAN;
    input[3 * 9] = f32::INFINITY;
    let mut output = vec![0.0; 36];
    layer_norm(&mut output, &input, None, None, 4, 9, 1e-5);
    for row in [0, 2] {
        assert_eq!(output[row * 9..][..9], clean[row * 9..][..9]);
    }
    for row in [1, 3] {
        assert!(output[row * 9..][..9].iter().all(|y| y.to_bits() == CANONICAL_NAN));
    }
    let mut output = [0.0; 6];
    rms_norm(&mut output, &[1.0, f32::NAN, -1.0, 1.0, -f32::INFINITY, 2.0], None, 2, 3, 0.0);
    assert_eq!(output.map(f32::to_bits), [CANONICAL_NAN, CANONICAL_NAN, CANONICAL_NAN, 0, CANONICAL_NAN, 0]);
    // A parameter that isn't finite spoils its own column, in float64 too.
    for scale in [1.0, 1e30] {
        let mut output = [0.0; 3];
        let bias = [0.0, 0.0, f32::INFINITY];
        layer_norm(&mut output, &[scale, -scale, 0.0], Some(&[1.0, -f32::NAN, 1.0]), Some(&bias), 1, 3, 0.0);
        assert!((output[0] - 1.5_f32.sqrt()).abs() < 1e-6);
        assert_eq!([output[1].to_bits(), output[2].to_bits()], [CANONICAL_NAN, f32::INFINITY.to_bits()]);
    }
}

#[test]
fn empty_sizes() {
    layer_norm(&mut [], &[], None, None, 0, 5, 1e-5);
    layer_norm(&mut [], &[], None, None, 5, 0, 1e-5);
    rms_norm(&mut [], &[], None, 5, 0, 1e-5);
}
