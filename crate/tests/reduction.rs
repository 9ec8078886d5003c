//! Sums along an axis against float64, at sizes on and off the blocks.

#[path = "cases/error_bounds.rs"]
mod error_bounds;
#[path = "oracle/sample.rs"]
mod sample;

use error_bounds::powers;
use sample::sample;
use wasm_attention::dtype::CANONICAL_NAN;
use wasm_attention::elementwise::mul;
use wasm_attention::reduction::sum_along;

fn run(input: &[f32], outer: usize, length: usize, inner: usize) -> Vec<f32> {
    let mut output = vec![f32::NAN; outer * inner];
    sum_along(&mut output, input, outer, length, inner);
    output
}

/// Outer, length and inner sizes.
fn sizes() -> Vec<[usize; 3]> {
    let mut sizes = vec![[3, 0, 2], [3, 0, 1], [0, 3, 2], [2, 3, 0], [1, 1, 1], [1, 100_003, 1], [1, 3001, 5]];
    for length in [1, 2, 3, 4, 15, 16, 17, 64, 255, 256, 257, 513, 1024, 1025] {
        for inner in [1, 2, 4, 7, 255, 256, 257] {
            sizes.push([if inner < 10 { 3 } else { 1 }, length, inner]);
        }
    }
    if cfg!(miri) { vec![[2, 3, 0], [3, 0, 2], [2, 67, 5], [2, 19, 1]] } else { sizes }
}

fn depth(length: usize) -> f64 {
    (length as f64).min(256.0 + length as f64 / 256.0)
}

/// Fails where a result is off by more than `bound(length, Σ |input|)` of `truth(Σ input, length)`.
fn check(
    result: impl Fn(&[f32], [usize; 3]) -> Vec<f32>,
    truth: impl Fn(f64, f64) -> f64,
    bound: impl Fn(usize, f64) -> f64,
) {
    for [outer, length, inner] in sizes() {
        let input = sample(outer * length * inner, (length + inner) as u64);
        for (place, result) in result(&input, [outer, length, inner]).iter().enumerate() {
            let (plane, column) = (place / inner, place % inner);
            let terms = (0..length).map(|n| f64::from(input[(plane * length + n) * inner + column]));
            let truth = truth(terms.clone().sum(), length as f64);
            let error = (f64::from(*result) - truth).abs();
            assert!(error <= bound(length, terms.map(f64::abs).sum()), "[{outer}, {length}, {inner}]: {error:e}");
        }
    }
}

#[test]
fn sums_are_within_the_stated_error() {
    let [unit] = powers("sum", ["min(n, 256 + n/256) · Σ |input|"]);
    check(
        |input, [outer, length, inner]| run(input, outer, length, inner),
        |sum, _| sum,
        |length, size| unit * depth(length) * size,
    );
}

#[test]
fn means_are_within_the_stated_error() {
    let [unit, floor] = powers("mean", ["(2 + min(n, 256 + n/256)) · mean |input|", ""]);
    check(
        |input, [outer, length, inner]| {
            if length == 0 {
                return Vec::new();
            }
            let mut output = vec![f32::NAN; outer * inner];
            let axes = [[(outer * inner) as u32, 1, 0]];
            mul(&mut output, &run(input, outer, length, inner), &[1.0 / length as f32], &axes);
            output
        },
        |sum, length| sum / length,
        |length, size| unit * (2.0 + depth(length)) * size / length as f64 + floor,
    );
}

/// One after the other, a million tenths would give 100 958.
#[test]
#[cfg_attr(miri, ignore = "a length for optimised code")]
fn equal_numbers_are_within_the_stated_error() {
    let [unit] = powers("sum", ["min(n, 256 + n/256) · Σ |input|"]);
    let length = 1_000_003;
    let truth = length as f64 * f64::from(0.1_f32);
    for inner in [1, 2] {
        for sum in run(&vec![0.1; length * inner], 1, length, inner) {
            assert!((f64::from(sum) - truth).abs() <= unit * depth(length) * truth, "{inner}: {sum}");
        }
    }
}

#[test]
fn nothing_adds_up_to_zero() {
    assert_eq!(run(&[], 2, 0, 1), [0.0; 2]);
    assert_eq!(run(&[], 2, 0, 3), [0.0; 6]);
}

#[test]
fn special_numbers() {
    let (infinity, nan) = (f32::INFINITY, -f32::NAN);
    let rows = [[1.0, infinity, 2.0], [infinity, -infinity, 0.0], [nan, 1.0, infinity], [f32::MAX, f32::MAX, 0.0]];
    let expected = [infinity.to_bits(), CANONICAL_NAN, CANONICAL_NAN, infinity.to_bits()];
    let bits = |values: Vec<f32>| -> Vec<u32> { values.into_iter().map(f32::to_bits).collect() };
    assert_eq!(bits(run(rows.as_flattened(), 4, 3, 1)), expected);
    let columns: Vec<f32> = (0..3).flat_map(|n| rows.map(|row| row[n])).collect();
    assert_eq!(bits(run(&columns, 1, 3, 4)), expected);
}

#[test]
fn a_column_has_the_same_bits_beside_others() {
    let (length, inner) = (300, 260);
    let input = sample(length * inner, 7);
    let whole = run(&input, 1, length, inner);
    // Two columns, since a single one lies in memory as a row.
    for start in [0, 1, 255, 258] {
        let two: Vec<f32> = input.chunks(inner).flat_map(|row| &row[start..start + 2]).copied().collect();
        assert_eq!(run(&two, 1, length, 2), whole[start..start + 2]);
    }
}
