//! Dropout of elements: which ones go, and what becomes of the others.

#[path = "cases/error_bounds.rs"]
mod error_bounds;
#[path = "oracle/sample.rs"]
mod sample;

use error_bounds::powers;
use sample::sample;
use wasm_attention::attention::dropout::Dropout;
use wasm_attention::dropout::dropout;
use wasm_attention::dtype::CANONICAL_NAN;
use wasm_attention::random::Philox;

const SEED: [u32; 2] = [7, 9];

fn run(input: &[f32], threshold: u32, scale: f32) -> Vec<f32> {
    let mut output = vec![f32::NAN; input.len()];
    dropout(&mut output, input, &Dropout { threshold, scale, seed: SEED });
    output
}

#[test]
fn an_element_is_kept_when_its_word_reaches_the_threshold() {
    let threshold = 3_000_000_000;
    for length in [0, 1, 3, 4, 5, 15, 16, 17, 31, 1000] {
        let input: Vec<f32> = (1..=length).map(|n| n as f32).collect();
        let output = run(&input, threshold, 1.25);
        for (e, (x, y)) in input.iter().zip(output).enumerate() {
            let word = Philox::new(SEED).words_of([(e / 4) as u32, 0, 2, u32::MAX])[e % 4];
            assert_eq!(y, if word >= threshold { x * 1.25 } else { 0.0 }, "element {e} of {length}");
        }
    }
}

#[test]
fn is_within_the_stated_error() {
    let [unit, least] = powers("dropout", ["|result|", ""]);
    for p in [0.1, 0.3, 0.7, 0.999] {
        let factor = 1.0 / (1.0 - p);
        for amplitude in [1.0, 1e-40] {
            let input: Vec<f32> = sample(200, 1).iter().map(|x| x * amplitude).collect();
            for (x, y) in input.iter().zip(run(&input, 0, factor as f32)) {
                let expected = f64::from(*x) * factor;
                assert!((f64::from(y) - expected).abs() <= unit * expected.abs() + least, "{y}, expected {expected}");
            }
        }
    }
}

#[test]
fn nothing_or_everything_is_dropped() {
    let input: Vec<f32> = (0..100).map(|n| n as f32 - 50.0).collect();
    assert_eq!(run(&input, 0, 1.0), input);
    assert!(run(&input, u32::MAX, 0.0).iter().all(|&y| y == 0.0));
}

#[test]
fn a_dropped_nan_or_infinity_is_nan() {
    let mut input = [1.0; 40];
    input[20..].fill(f32::INFINITY);
    input[30..].fill(-f32::NAN);
    let output = run(&input, 1 << 31, 2.0);
    for (x, y) in input.iter().zip(&output).take(30) {
        assert!(*y == 2.0 * x || (*x == 1.0 && *y == 0.0) || y.to_bits() == CANONICAL_NAN, "{x}: {y}");
    }
    assert!(output[20..30].iter().any(|y| y.is_nan()) && output[20..30].contains(&f32::INFINITY));
    assert!(output[30..].iter().all(|y| y.to_bits() == CANONICAL_NAN));
}
