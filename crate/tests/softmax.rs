//! Softmax against float64.

#[path = "cases/error_bounds.rs"]
mod error_bounds;
#[path = "oracle/softmax.rs"]
mod oracle;
#[path = "oracle/sample.rs"]
mod sample;

use error_bounds::powers;
use sample::sample;
use wasm_attention::axis::{Row, along_axis, scratch_length};
use wasm_attention::dtype::CANONICAL_NAN;
use wasm_attention::softmax::{log_softmax, log_softmax_backward, softmax, softmax_backward};

/// Along the last axis.
fn run(input: &[f32], rows: usize, columns: usize) -> Vec<f32> {
    run_along(input, rows, columns, 1)
}

fn run_along(input: &[f32], outer: usize, length: usize, inner: usize) -> Vec<f32> {
    run_rows(softmax, input, &[], [outer, length, inner])
}

fn run_rows(row: Row, input: &[f32], other: &[f32], sizes: [usize; 3]) -> Vec<f32> {
    let arrays = if other.is_empty() { 2 } else { 3 };
    let mut output = vec![f32::NAN; sizes.iter().product()];
    let mut scratch = vec![f32::NAN; scratch_length(arrays, sizes[1], sizes[2]).unwrap()];
    along_axis(&mut output, input, other, &mut scratch, sizes, row);
    output
}

#[test]
fn is_within_the_stated_error() {
    let [relative, cutoff] = powers("softmax", ["(12 + |input − m| + n/1024) · result", ""]);
    for columns in (1..40).chain([1000, 30_001]) {
        for scale in [0.0, 1.0, 10.0, 60.0, 1000.0] {
            let input: Vec<f32> = sample(2 * columns, columns as u64).iter().map(|x| x * scale + scale).collect();
            let output = run(&input, 2, columns);
            for (output, input) in output.chunks(columns).zip(input.chunks(columns)) {
                let maximum = f64::from(input.iter().fold(f32::NEG_INFINITY, |a, &b| a.max(b)));
                for ((&w, truth), &x) in output.iter().zip(oracle::softmax(input)).zip(input) {
                    let units = 12.0 + (maximum - f64::from(x)) + columns as f64 / 1024.0;
                    let bound = relative * units * truth + cutoff;
                    assert!((f64::from(w) - truth).abs() <= bound, "{columns} × {scale}: {w}, expected {truth}");
                    assert!(w == 0.0 || w.is_normal());
                }
            }
        }
    }
}

#[test]
fn special_rows() {
    let (infinity, nan) = (f32::INFINITY, -f32::NAN);
    let rows = [
        [infinity, 0.0, 1.0, 2.0, 3.0],
        [-infinity; 5],
        [0.0, 1.0, 2.0, 3.0, nan],
        [nan, 0.0, infinity, -infinity, 3.0],
        [-infinity, 0.0, -infinity, 0.0, -infinity],
        [f32::MAX, f32::MIN, 0.0, f32::MAX, -infinity],
        [-3.4e38, -3.4e38, -3.4e38, -3.4e38, -3.4e38],
    ];
    let output = run(rows.as_flattened(), rows.len(), 5);
    assert!(output[..20].iter().all(|w| w.to_bits() == CANONICAL_NAN));
    assert_eq!(output[20..], [0.0, 0.5, 0.0, 0.5, 0.0, 0.5, 0.0, 0.0, 0.5, 0.0, 0.2, 0.2, 0.2, 0.2, 0.2]);
}

#[test]
fn a_row_has_the_same_bits_alone_and_in_a_batch() {
    let (rows, columns) = (7, 23);
    let input = sample(rows * columns, 5);
    let alone: Vec<f32> = input.chunks(columns).flat_map(|row| run(row, 1, columns)).collect();
    assert_eq!(run(&input, rows, columns), alone);
}

#[test]
fn along_another_axis_a_row_has_the_bits_of_the_last() {
    for (outer, length, inner) in [(2, 5, 2), (1, 23, 15), (3, 1, 16), (2, 7, 17), (1, 4, 33)] {
        let input = sample(outer * length * inner, 9);
        let output = run_along(&input, outer, length, inner);
        for row in 0..outer * inner {
            let (plane, column) = (row / inner, row % inner);
            let along = |numbers: &[f32]| -> Vec<f32> {
                (0..length).map(|n| numbers[(plane * length + n) * inner + column]).collect()
            };
            assert_eq!(along(&output), run(&along(&input), 1, length), "[{outer}, {length}, {inner}], row {row}");
        }
    }
}

#[test]
fn empty_sizes() {
    assert!(run(&[], 0, 5).is_empty() && run(&[], 5, 0).is_empty());
    assert!(run_along(&[], 3, 0, 4).is_empty() && run_along(&[], 3, 4, 0).is_empty());
}

#[test]
fn the_logarithm_is_within_the_stated_error() {
    let [unit] = powers("logSoftmax", ["(12 + ln n + 3 · |result| + n/1024)"]);
    for columns in (1..40).chain([1000, 30_001]) {
        for scale in [0.0, 1.0, 10.0, 60.0, 1000.0] {
            let input: Vec<f32> = sample(2 * columns, columns as u64).iter().map(|x| x * scale + scale).collect();
            let output = run_rows(log_softmax, &input, &[], [2, columns, 1]);
            for (output, input) in output.chunks(columns).zip(input.chunks(columns)) {
                for (&y, truth) in output.iter().zip(oracle::log_softmax(input)) {
                    let bound = unit * (12.0 + (columns as f64).ln() + 3.0 * truth.abs() + columns as f64 / 1024.0);
                    assert!((f64::from(y) - truth).abs() <= bound, "{columns} × {scale}: {y}, expected {truth}");
                }
            }
        }
    }
}

#[test]
fn logarithms_of_special_rows() {
    let (infinity, nan) = (f32::INFINITY, -f32::NAN);
    let rows = [
        [infinity, 0.0, 1.0],
        [-infinity; 3],
        [0.0, 1.0, nan],
        [nan, infinity, -infinity],
        [-infinity, 7.0, -infinity],
        [f32::MAX, f32::MIN, 0.0],
        [-3.4e38; 3],
    ];
    let output = run_rows(log_softmax, rows.as_flattened(), &[], [rows.len(), 3, 1]);
    assert!(output[..12].iter().all(|y| y.to_bits() == CANONICAL_NAN));
    assert_eq!(output[12..18], [-infinity, 0.0, -infinity, 0.0, -infinity, f32::MIN]);
    assert!(output[18..].iter().all(|y| (y + 3_f32.ln()).abs() < 1e-6));
}

#[test]
fn gradients_are_within_the_stated_error() {
    for columns in (1..40).chain([1000, 30_001]) {
        for scale in [0.0, 1.0, 30.0, 200.0] {
            let input: Vec<f32> = sample(2 * columns, columns as u64).iter().map(|x| x * scale).collect();
            for (size, seed) in [(1.0_f32, 7), (1e-30, 8), (1e25, 9)] {
                let dy: Vec<f32> = sample(2 * columns, seed).iter().map(|dy| dy * size).collect();
                let n = columns as f64;
                let sizes = [2, columns, 1];
                let y = run(&input, 2, columns);
                let gradient = run_rows(softmax_backward, &dy, &y, sizes);
                for ((dx, dy), y) in gradient.chunks(columns).zip(dy.chunks(columns)).zip(y.chunks(columns)) {
                    let sum: f64 = y.iter().zip(dy).map(|(&y, &dy)| (f64::from(y) * f64::from(dy)).abs()).sum();
                    for (c, truth) in oracle::softmax_backward(dy, y).into_iter().enumerate() {
                        let (y, dy) = (f64::from(y[c]), f64::from(dy[c]).abs());
                        let bound =
                            2_f64.powi(-24) * y * ((8.0 + n / 16.0) * sum + 2.0 * dy) + 2_f64.powi(-149) * (1.0 + n);
                        let error = (f64::from(dx[c]) - truth).abs();
                        assert!(error <= bound, "softmax, {columns} × {scale}, {size}: {} not {truth}", dx[c]);
                    }
                }
                let y = run_rows(log_softmax, &input, &[], sizes);
                let gradient = run_rows(log_softmax_backward, &dy, &y, sizes);
                for ((dx, dy), y) in gradient.chunks(columns).zip(dy.chunks(columns)).zip(y.chunks(columns)) {
                    let sum: f64 = dy.iter().map(|&dy| f64::from(dy).abs()).sum();
                    for (c, truth) in oracle::log_softmax_backward(dy, y).into_iter().enumerate() {
                        let (y, dy) = (f64::from(y[c]), f64::from(dy[c]).abs());
                        let bound = 2_f64.powi(-24) * ((12.0 + n / 16.0) * y.exp() * sum + dy)
                            + 2_f64.powi(-125) * sum
                            + 2_f64.powi(-149);
                        let error = (f64::from(dx[c]) - truth).abs();
                        assert!(error <= bound, "log-softmax, {columns} × {scale}, {size}: {} not {truth}", dx[c]);
                    }
                }
            }
        }
    }
}

#[test]
fn gradients_along_another_axis_have_the_bits_of_the_last() {
    for (outer, length, inner) in [(2, 5, 2), (1, 23, 15), (3, 1, 16), (2, 7, 17), (1, 4, 33)] {
        let [dy, y] = [1, 2].map(|seed| sample(outer * length * inner, seed));
        for row in [softmax_backward, log_softmax_backward] {
            let output = run_rows(row, &dy, &y, [outer, length, inner]);
            for place in 0..outer * inner {
                let (plane, column) = (place / inner, place % inner);
                let along = |numbers: &[f32]| -> Vec<f32> {
                    (0..length).map(|n| numbers[(plane * length + n) * inner + column]).collect()
                };
                assert_eq!(along(&output), run_rows(row, &along(&dy), &along(&y), [1, length, 1]));
            }
        }
    }
}

#[test]
fn gradients_of_special_rows() {
    let (infinity, nan) = (f32::INFINITY, -f32::NAN);
    // What a row can't reach gets nothing, and a gradient that isn't finite spoils its own row.
    let y = [0.0, 1.0, 0.0, 0.25, 0.25, 0.5];
    let gradient = run_rows(softmax_backward, &[3.0, 5.0, -2.0, 1.0, nan, 0.0], &y, [2, 3, 1]);
    assert_eq!(gradient[..3], [0.0; 3]);
    assert!(gradient[3..].iter().all(|dx| dx.to_bits() == CANONICAL_NAN));
    let y = [-infinity, 0.0, -infinity];
    assert_eq!(run_rows(log_softmax_backward, &[3.0, 5.0, -2.0], &y, [1, 3, 1]), [3.0, -1.0, -2.0]);
    assert!(run_rows(softmax_backward, &[], &[], [0, 3, 1]).is_empty());
    assert!(run_rows(softmax_backward, &[], &[], [3, 0, 4]).is_empty());
}
