//! Embedding look-up.

#[path = "oracle/sample.rs"]
mod sample;

use sample::sample;
use wasm_attention::dtype::CANONICAL_NAN;
use wasm_attention::embedding::{embedding, embedding_backward};
use wasm_attention::indices::IndexOutOfRange;

#[test]
fn rows_are_copied_bit_for_bit() {
    let table = [1.0, -0.0, f32::from_bits(0x7f80_0001), 4.0, f32::from_bits(1), 6.0];
    let mut output = [9.0; 8];
    embedding(&mut output, &table, &[2, 0, 1, 2], 3, 2).unwrap();
    let expected = [table[4], table[5], table[0], table[1], table[2], table[3], table[4], table[5]];
    assert_eq!(output.map(f32::to_bits), expected.map(f32::to_bits));
}

#[test]
fn indices_outside_the_table_are_refused_before_anything_is_written() {
    for bad in [3, -1, i32::MAX, i32::MIN] {
        let mut output = [9.0; 4];
        assert_eq!(embedding(&mut output, &[0.0; 6], &[0, bad], 3, 2), Err(IndexOutOfRange));
        assert_eq!(output, [9.0; 4]);
    }
    assert_eq!(embedding::<f32>(&mut [], &[], &[], 0, 2), Ok(()));
    assert_eq!(embedding::<f32>(&mut [], &[], &[0], 1, 0), Ok(()));
}

#[test]
fn gradients_of_a_row_are_added_in_the_order_of_its_positions() {
    // Of these three numbers only this order gives 1.
    let output_gradient = [1e8, 1.0, -1e8, 2.0, 1.0, 3.0, 7.0, 8.0, 9.0, f32::NAN];
    let mut gradient = [f32::NAN; 8];
    embedding_backward(&mut gradient, &output_gradient, &[2, 2, 2, 0, 3], None, 4, 2).unwrap();
    let expected = [7.0, 8.0, 0.0, 0.0, 1.0, 6.0, 9.0, f32::from_bits(CANONICAL_NAN)];
    assert_eq!(gradient.map(f32::to_bits), expected.map(f32::to_bits));
}

#[test]
fn gradients_are_within_the_stated_error() {
    let (count, rows) = (1000, 7);
    for columns in (1..20).chain([65]) {
        let output_gradient = sample(count * columns, 3);
        let indices: Vec<i32> = (0..count as i32).map(|i| i * i % rows as i32).collect();
        let mut gradient = vec![f32::NAN; rows * columns];
        embedding_backward(&mut gradient, &output_gradient, &indices, None, rows, columns).unwrap();
        for (place, &dw) in gradient.iter().enumerate() {
            let (row, column) = (place / columns, place % columns);
            let terms: Vec<f64> = (0..count)
                .filter(|&i| indices[i] as usize == row)
                .map(|i| f64::from(output_gradient[i * columns + column]))
                .collect();
            let size: f64 = terms.iter().map(|term| term.abs()).sum();
            let bound = 2_f64.powi(-24) * terms.len() as f64 * size;
            assert!((f64::from(dw) - terms.iter().sum::<f64>()).abs() <= bound);
        }
    }
}

#[test]
fn a_padding_row_has_no_gradient() {
    let mut gradient = [f32::NAN; 6];
    embedding_backward(&mut gradient, &[1.0, 2.0, f32::NAN, 4.0], &[0, 1], Some(1), 3, 2).unwrap();
    assert_eq!(gradient, [1.0, 2.0, 0.0, 0.0, 0.0, 0.0]);
}

#[test]
fn gradients_of_indices_outside_the_table_are_refused() {
    let mut gradient = [9.0; 4];
    assert_eq!(embedding_backward(&mut gradient, &[1.0; 4], &[0, 2], None, 2, 2), Err(IndexOutOfRange));
    assert_eq!(gradient, [9.0; 4]);
    assert_eq!(embedding_backward(&mut [], &[], &[0], None, 1, 0), Ok(()));
    embedding_backward(&mut gradient, &[], &[], None, 2, 2).unwrap();
    assert_eq!(gradient, [0.0; 4]);
}
