//! Layer norm and RMS norm against float64.

#[path = "oracle/normalization.rs"]
mod oracle;
#[path = "oracle/sample.rs"]
mod sample;

use oracle::Normalized;
use sample::sample;
use wasm_attention::normalization::{layer_norm, rms_norm};
use wasm_attention::numeric::CANONICAL_NAN;

fn widths() -> impl Iterator<Item = usize> {
    (1..40).chain([768, 4099])
}

fn check(output: &[f32], expected: &Normalized, weight: Option<&[f32]>, bias: Option<&[f32]>) {
    let columns = output.len();
    for (c, &y) in output.iter().enumerate() {
        let weight = weight.map_or(1.0, |weight| f64::from(weight[c]));
        let bias = bias.map_or(0.0, |bias| f64::from(bias[c]));
        let truth = expected.normal[c] * weight + bias;
        let slope = (8.0 + columns as f64 / 16.0) * (expected.normal[c].abs() + expected.offset) * weight.abs();
        let bound = (slope + truth.abs()) / 16_777_216.0;
        assert!((f64::from(y) - truth).abs() <= bound, "{columns} columns, {c}: {y}, expected {truth} ± {bound:e}");
    }
}

#[test]
fn layer_norm_is_within_the_stated_error() {
    for columns in widths() {
        for (scale, offset) in [(1.0, 0.0), (1.0, 100.0), (1e-3, 0.5), (1e6, 1e5)] {
            let input: Vec<f32> = sample(3 * columns, 1).iter().map(|x| x * scale + offset).collect();
            let weight = sample(columns, 2);
            let bias = sample(columns, 3);
            for (weight, bias) in
                [(None, None), (Some(&weight[..]), None), (None, Some(&bias[..])), (Some(&weight[..]), Some(&bias[..]))]
            {
                let mut output = vec![f32::NAN; 3 * columns];
                layer_norm(&mut output, &input, weight, bias, 3, columns, 1e-5);
                for (output, input) in output.chunks(columns).zip(input.chunks(columns)) {
                    check(output, &oracle::layer_norm(input, 1e-5), weight, bias);
                }
            }
        }
    }
}

#[test]
fn rms_norm_is_within_the_stated_error() {
    for columns in widths() {
        for scale in [1.0, 1e-6, 1e6] {
            let input: Vec<f32> = sample(3 * columns, 4).iter().map(|x| x * scale).collect();
            let weight = sample(columns, 5);
            for weight in [None, Some(&weight[..])] {
                let mut output = vec![f32::NAN; 3 * columns];
                rms_norm(&mut output, &input, weight, 3, columns, 1e-6);
                for (output, input) in output.chunks(columns).zip(input.chunks(columns)) {
                    check(output, &oracle::rms_norm(input, 1e-6), weight, None);
                }
            }
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
}

#[test]
fn empty_sizes() {
    layer_norm(&mut [], &[], None, None, 0, 5, 1e-5);
    layer_norm(&mut [], &[], None, None, 5, 0, 1e-5);
    rms_norm(&mut [], &[], None, 5, 0, 1e-5);
}
