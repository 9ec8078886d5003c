//! Embedding look-up.

use wasm_attention::embedding::embedding;
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
