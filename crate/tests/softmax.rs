//! Softmax against float64.

#[path = "oracle/softmax.rs"]
mod oracle;
#[path = "oracle/sample.rs"]
mod sample;

use sample::sample;
use wasm_attention::dtype::CANONICAL_NAN;
use wasm_attention::softmax::softmax;

fn run(input: &[f32], rows: usize, columns: usize) -> Vec<f32> {
    let mut output = vec![f32::NAN; rows * columns];
    softmax(&mut output, input, rows, columns);
    output
}

#[test]
fn is_within_the_stated_error() {
    for columns in (1..40).chain([1000, 30_001]) {
        for scale in [0.0, 1.0, 10.0, 60.0, 1000.0] {
            let input: Vec<f32> = sample(2 * columns, columns as u64).iter().map(|x| x * scale + scale).collect();
            let output = run(&input, 2, columns);
            for (output, input) in output.chunks(columns).zip(input.chunks(columns)) {
                let maximum = f64::from(input.iter().fold(f32::NEG_INFINITY, |a, &b| a.max(b)));
                for ((&w, truth), &x) in output.iter().zip(oracle::softmax(input)).zip(input) {
                    let units = 12.0 + (maximum - f64::from(x)) + columns as f64 / 1024.0;
                    let bound = truth * units / 16_777_216.0 + 2_f64.powi(-100);
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
fn empty_sizes() {
    assert!(run(&[], 0, 5).is_empty() && run(&[], 5, 0).is_empty());
}
