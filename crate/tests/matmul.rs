//! Products of matrices against float64, at sizes on and off the tiles.

#[path = "cases/error_bounds.rs"]
mod error_bounds;
#[path = "oracle/sample.rs"]
mod sample;

use error_bounds::powers;
use sample::sample;
use wasm_attention::broadcast::{Axis, extents, position_count};
use wasm_attention::dtype::CANONICAL_NAN;
use wasm_attention::matmul::{Product, Transposed, matmul, scratch_length};

fn run(a: &[f32], b: &[f32], axes: &[Axis], product: Product) -> Vec<f32> {
    let mut output = vec![f32::NAN; position_count(axes).unwrap() * product.rows * product.columns];
    // What is there before must not matter.
    let mut scratch = vec![f32::NAN; scratch_length(product).unwrap()];
    matmul(&mut output, a, b, &mut scratch, axes, product);
    output
}

const TRANSPOSITIONS: [Transposed; 3] = [Transposed::Neither, Transposed::First, Transposed::Second];

fn product([rows, depth, columns]: [usize; 3], transposed: Transposed) -> Product {
    Product { rows, depth, columns, transposed }
}

fn transposed(matrix: &[f32], columns: usize) -> Vec<f32> {
    (0..columns).flat_map(|column| matrix.iter().skip(column).step_by(columns)).copied().collect()
}

#[test]
fn is_within_the_stated_error() {
    let [unit] = powers("matmul", ["n · Σ |a · b|"]);
    let rows: &[usize] = if cfg!(miri) { &[1, 7] } else { &[0, 1, 2, 3, 5, 6, 7, 12, 13, 97] };
    let depths: &[usize] = if cfg!(miri) { &[0, 3] } else { &[0, 1, 2, 5, 64, 300] };
    let columns: &[usize] = if cfg!(miri) { &[1, 9] } else { &[0, 1, 2, 7, 8, 9, 31, 33, 65] };
    for &rows in rows {
        for &depth in depths {
            for &columns in columns {
                let (a, b) = (sample(rows * depth, 1), sample(depth * columns, 2));
                for which in TRANSPOSITIONS {
                    let a_stored = if which == Transposed::First { transposed(&a, depth) } else { a.clone() };
                    let b_stored = if which == Transposed::Second { transposed(&b, columns) } else { b.clone() };
                    let product = product([rows, depth, columns], which);
                    for (place, output) in run(&a_stored, &b_stored, &[], product).iter().enumerate() {
                        let (m, n) = (place / columns, place % columns);
                        let terms = (0..depth).map(|k| f64::from(a[m * depth + k]) * f64::from(b[k * columns + n]));
                        let error = (f64::from(*output) - terms.clone().sum::<f64>()).abs();
                        let size: f64 = terms.map(f64::abs).sum();
                        assert!(error <= unit * depth as f64 * size, "{product:?}: {error:e}");
                    }
                }
            }
        }
    }
}

#[test]
fn every_batch_is_that_of_its_matrices() {
    let batches: [&[Axis]; 7] =
        [&[], &[[3, 1, 1]], &[[3, 1, 0]], &[[3, 0, 1]], &[[2, 1, 0], [3, 0, 1]], &[[2, 0, 1], [3, 1, 0]], &[[0, 1, 1]]];
    for axes in batches {
        for sizes in [[5, 4, 9], [1, 4, 9], [5, 4, 1]] {
            for transposition in TRANSPOSITIONS {
                let [rows, depth, columns] = sizes;
                let [matrices_of_a, matrices_of_b] = extents(axes).unwrap();
                let (a, b) = (sample(matrices_of_a * rows * depth, 3), sample(matrices_of_b * depth * columns, 4));
                let product = product(sizes, transposition);
                let output = run(&a, &b, axes, product);
                let mut expected = Vec::new();
                for position in 0..position_count(axes).unwrap() {
                    let (mut rest, mut places) = (position, [0, 0]);
                    for &[size, stride_of_a, stride_of_b] in axes {
                        let index = rest % size as usize;
                        rest /= size as usize;
                        places[0] += index * stride_of_a as usize;
                        places[1] += index * stride_of_b as usize;
                    }
                    let a = &a[places[0] * rows * depth..][..rows * depth];
                    let b = &b[places[1] * depth * columns..][..depth * columns];
                    expected.extend(run(a, b, &[], product));
                }
                assert_eq!(output, expected, "{axes:?}, {product:?}");
            }
        }
    }
}

#[test]
fn a_row_and_a_column_have_the_same_bits_alone() {
    let sizes @ [rows, depth, columns] = [13, 37, 19];
    let (a, b) = (sample(rows * depth, 5), sample(depth * columns, 6));
    let whole = run(&a, &b, &[], product(sizes, Transposed::Neither));
    for (row, expected) in a.chunks(depth).zip(whole.chunks(columns)) {
        assert_eq!(run(row, &b, &[], product([1, depth, columns], Transposed::Neither)), expected);
    }
    for (column, expected) in transposed(&b, columns).chunks(depth).zip(transposed(&whole, columns).chunks(rows)) {
        assert_eq!(run(&a, column, &[], product([rows, depth, 1], Transposed::Neither)), expected);
    }
}

#[test]
fn special_numbers_stay_in_their_row_and_column() {
    let (infinity, nan) = (f32::INFINITY, -f32::NAN);
    // Rows of a: finite, NaN, infinite; columns of b: finite, infinite.
    let output = run(
        &[1.0, 2.0, nan, 1.0, infinity, 1.0],
        &[1.0, infinity, 0.0, 1.0],
        &[],
        product([3, 2, 2], Transposed::Neither),
    );
    assert_eq!(output[..2], [1.0, infinity]);
    assert!(output[2..4].iter().all(|value| value.to_bits() == CANONICAL_NAN));
    assert_eq!(output[4..], [infinity, infinity]);
}
