//! Sums and products of two operands against float64, as they are broadcast.

#[path = "cases/error_bounds.rs"]
mod error_bounds;
#[path = "oracle/sample.rs"]
mod sample;

use error_bounds::powers;
use sample::sample;
use wasm_attention::broadcast::{Axis, extents, position_count};
use wasm_attention::dtype::CANONICAL_NAN;
use wasm_attention::elementwise::{add, mul};

type Kernel = fn(&mut [f32], &[f32], &[f32], &[Axis]);

fn run(kernel: Kernel, a: &[f32], b: &[f32], axes: &[Axis]) -> Vec<f32> {
    let mut output = vec![f32::NAN; position_count(axes).unwrap()];
    kernel(&mut output, a, b, axes);
    output
}

/// The places of the operands at every position, axis by axis.
fn places(axes: &[Axis]) -> Vec<[usize; 2]> {
    let Some(([size, stride_of_a, stride_of_b], faster)) = axes.split_last() else {
        return vec![[0, 0]];
    };
    let inner = places(faster);
    let at = |i: u32| inner.iter().map(move |[a, b]| [a + (i * stride_of_a) as usize, b + (i * stride_of_b) as usize]);
    (0..*size).flat_map(at).collect()
}

/// The same shape, rows with a bias, rows with a factor each, numbers, all of them again in batches, and nothing.
fn shapes() -> Vec<Vec<Axis>> {
    let mut shapes = vec![
        vec![],
        vec![[0, 1, 1]],
        vec![[5, 1, 1], [0, 0, 5]],
        vec![[3, 0, 1], [2, 1, 0], [4, 2, 3]],
        vec![[3, 1, 1], [2, 3, 0], [3, 0, 3], [2, 6, 9]],
    ];
    for length in [1, 2, 3, 4, 5, 7, 8, 9, 31, 64, 67] {
        for strides in [[1, 1], [1, 0], [0, 1], [0, 0]] {
            let row: Axis = [length, strides[0], strides[1]];
            shapes.push(vec![row]);
            shapes.push(vec![row, [3, length * strides[0], 0]]);
            shapes.push(vec![row, [3, length, length]]);
        }
    }
    shapes
}

fn check(kernel: Kernel, truth: fn(f64, f64) -> f64, relative: f64, floor: f64) {
    for axes in shapes() {
        let [length_of_a, length_of_b] = extents(&axes).unwrap();
        let (a, b) = (sample(length_of_a, 1), sample(length_of_b, 2));
        let output = run(kernel, &a, &b, &axes);
        let places = places(&axes);
        assert_eq!(output.len(), places.len());
        for (output, [i, j]) in output.iter().zip(places) {
            let truth = truth(f64::from(a[i]), f64::from(b[j]));
            assert!((f64::from(*output) - truth).abs() <= relative * truth.abs() + floor, "{axes:?}");
        }
    }
}

#[test]
fn add_is_within_the_stated_error() {
    let [relative] = powers("add", ["|result|"]);
    check(add, |x, y| x + y, relative, 0.0);
}

#[test]
fn mul_is_within_the_stated_error() {
    let [relative, floor] = powers("mul", ["|result|", ""]);
    check(mul, |x, y| x * y, relative, floor);
    let tiny = f32::from_bits(1);
    assert_eq!(run(mul, &[tiny, 1e-30, 3.0], &[0.5, 1e-30, tiny], &[[3, 1, 1]]), [0.0, 0.0, 3.0 * tiny]);
}

#[test]
fn special_numbers() {
    let (infinity, nan) = (f32::INFINITY, -f32::NAN);
    let bits = |values: Vec<f32>| -> Vec<u32> { values.into_iter().map(f32::to_bits).collect() };
    let expected = |values: [f32; 5]| -> Vec<u32> {
        values.iter().map(|value| if value.is_nan() { CANONICAL_NAN } else { value.to_bits() }).collect()
    };
    let (a, b) = ([infinity, infinity, nan, f32::MAX, -0.0], [-infinity, 1.0, 2.0, f32::MAX, -0.0]);
    let axes = [[5, 1, 1]];
    assert_eq!(bits(run(add, &a, &b, &axes)), expected([nan, infinity, nan, infinity, -0.0]));
    assert_eq!(bits(run(mul, &a, &b, &axes)), expected([-infinity, infinity, nan, infinity, 0.0]));
    assert_eq!(bits(run(mul, &a, &[0.0], &[[5, 1, 0]])), expected([nan, nan, nan, 0.0, -0.0]));
    assert_eq!(bits(run(mul, &[nan], &[0.0], &[[5, 0, 0]])), expected([nan; 5]));
}

#[test]
fn sizes_that_overflow_are_told() {
    assert_eq!(position_count(&[[u32::MAX, 1, 1]; 3]), None);
    assert_eq!(extents(&[[u32::MAX, u32::MAX, 0]; 3]), None);
}
