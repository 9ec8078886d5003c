//! Softmax against float64.

#[path = "cases/error_bounds.rs"]
mod error_bounds;
#[path = "oracle/softmax.rs"]
mod oracle;
#[path = "oracle/sample.rs"]
mod sample;

use error_bounds::powers;
use sample::sample;
use wasm_attention::axis::{along_axis, scratch_length};
use wasm_attention::dtype::CANONICAL_NAN;
use wasm_attention::softmax::softmax;

/// Along the last axis.
fn run(input: &[f32], rows: usize, columns: usize) -> Vec<f32> {
    run_along(input, rows, columns, 1)
}

fn run_along(input: &[f32], outer: usize, length: usize, inner: usize) -> Vec<f32> {
    let mut output = vec![f32::NAN; outer * length * inner];
    let mut scratch = vec![f32::NAN; scratch_length(2, length, inner).unwrap()];
    along_axis(&mut output, input, &[], &mut scratch, [outer, length, inner], softmax);
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
