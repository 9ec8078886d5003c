//! The mean of the rows that a mask lets through, against float64.

#[path = "cases/error_bounds.rs"]
mod error_bounds;
#[path = "oracle/sample.rs"]
mod sample;

use error_bounds::powers;
use sample::sample;
use wasm_attention::dtype::CANONICAL_NAN;
use wasm_attention::masked_mean::{masked_mean, masked_mean_backward};

fn run(input: &[f32], mask: &[f32], sizes: [usize; 3]) -> Vec<f32> {
    let [batch, length, columns] = sizes;
    let mut output = vec![f32::NAN; batch * columns];
    masked_mean(&mut output, input, mask, batch, length, columns);
    output
}

fn run_backward(gradient: &[f32], mask: &[f32], sizes: [usize; 3]) -> Vec<f32> {
    let [batch, length, columns] = sizes;
    let mut input_gradient = vec![f32::NAN; batch * length * columns];
    masked_mean_backward(&mut input_gradient, gradient, mask, batch, length, columns);
    input_gradient
}

fn masks(length: usize) -> [Vec<f32>; 3] {
    let ones = sample(length, 2).iter().map(|&x| f32::from(x > 0.0)).collect();
    [ones, sample(length, 3).iter().map(|x| x.abs()).collect(), vec![0.0; length]]
}

#[test]
fn is_within_the_stated_error() {
    let [unit] = powers("maskedMean", ["(n + 3) · Σ |mask · input| / d"]);
    for sizes in [[1, 1, 1], [2, 3, 5], [3, 17, 4], [2, 100, 19], [1, 0, 3], [2, 4, 0], [0, 4, 4]] {
        let [batch, length, columns] = sizes;
        let input = sample(batch * length * columns, 1);
        let gradient = sample(batch * columns, 4);
        for mask in masks(batch * length) {
            let output = run(&input, &mask, sizes);
            let input_gradient = run_backward(&gradient, &mask, sizes);
            for b in 0..batch {
                let mask = &mask[b * length..][..length];
                let denominator = mask.iter().map(|&m| f64::from(m)).sum::<f64>().max(1e-9);
                for e in 0..columns {
                    let place = |l| (b * length + l) * columns + e;
                    let terms = (0..length).map(|l| f64::from(mask[l]) * f64::from(input[place(l)]) / denominator);
                    let (y, mean) = (f64::from(output[b * columns + e]), terms.clone().sum::<f64>());
                    let bound = unit * (length + 3) as f64 * terms.map(f64::abs).sum::<f64>();
                    assert!((y - mean).abs() <= bound, "{sizes:?}: {y}, expected {mean}");
                    for l in 0..length {
                        let expected = f64::from(mask[l]) / denominator * f64::from(gradient[b * columns + e]);
                        let dx = f64::from(input_gradient[place(l)]);
                        assert!((dx - expected).abs() <= 2_f64.powi(-23) * expected.abs(), "{dx}, expected {expected}");
                    }
                }
            }
        }
    }
}

#[test]
fn hidden_rows_leak_nothing_and_get_nothing() {
    let sizes = [2, 3, 5];
    let mut input = sample(30, 1);
    input[5..10].fill(f32::NAN);
    input[15..].fill(f32::INFINITY);
    // The first batch sees rows 0 and 2, the second none.
    let mask = [1.0, 0.0, 1.0, 0.0, 0.0, -0.0];
    let output = run(&input, &mask, sizes);
    for e in 0..5 {
        assert_eq!(output[e], (input[e] + input[10 + e]) / 2.0);
        assert_eq!(output[5 + e].to_bits(), 0);
    }
    let gradients = run_backward(&[-f32::NAN; 10], &mask, sizes);
    for (i, dx) in gradients.iter().enumerate() {
        assert_eq!(dx.to_bits(), if mask[i / 5] == 0.0 { 0 } else { CANONICAL_NAN });
    }
}

#[test]
fn seen_nan_is_canonical_and_a_nan_in_the_mask_spreads() {
    let input = [1.0, -f32::NAN, 3.0, 4.0];
    let output = run(&input, &[1.0, 1.0], [1, 2, 2]);
    assert_eq!((output[0], output[1].to_bits()), (2.0, CANONICAL_NAN));
    for value in [run(&[1.0, 2.0], &[1.0, f32::NAN], [1, 2, 1]), run_backward(&[1.0], &[1.0, f32::NAN], [1, 2, 1])]
        .iter()
        .flatten()
    {
        assert_eq!(value.to_bits(), CANONICAL_NAN);
    }
}
