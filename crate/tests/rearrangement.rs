//! Copies in another order: every element is where it belongs.

use wasm_attention::rearrangement::{copy_rows, transpose, transpose_rows};

fn numbers(count: usize) -> Vec<u32> {
    (0..count as u32).collect()
}

#[test]
fn rows_are_where_they_belong() {
    for (rows, length, output_stride, input_stride) in
        [(3, 4, 7, 5), (2, 3, 3, 3), (1, 5, 9, 9), (4, 0, 2, 3), (0, 3, 3, 3)]
    {
        let input = numbers(rows * input_stride + length);
        let mut output = vec![u32::MAX; rows * output_stride + length];
        copy_rows(&mut output, &input, rows, length, output_stride, input_stride);
        let mut expected = vec![u32::MAX; output.len()];
        for row in 0..rows {
            for n in 0..length {
                expected[row * output_stride + n] = input[row * input_stride + n];
            }
        }
        assert_eq!(output, expected);
    }
}

#[test]
fn axes_are_exchanged() {
    let sizes = [
        [1, 1, 1, 1],
        [2, 3, 1, 5],
        [2, 3, 4, 5],
        [1, 16, 1, 16],
        [1, 17, 1, 33],
        [3, 31, 2, 15],
        [1, 1, 3, 40],
        [2, 40, 3, 1],
        [2, 0, 3, 4],
        [0, 2, 3, 4],
        [2, 2, 0, 4],
    ];
    for sizes @ [outer, first, middle, second] in sizes {
        for length in [1, 3] {
            let count = outer * first * middle * second * length;
            let input = numbers(count);
            let mut output = vec![u32::MAX; count];
            if length == 1 {
                transpose(&mut output, &input, sizes);
            } else {
                transpose_rows(&mut output, &input, sizes, length);
            }
            let mut expected = Vec::new();
            for o in 0..outer {
                for j in 0..second {
                    for m in 0..middle {
                        for i in 0..first {
                            let row = ((o * first + i) * middle + m) * second + j;
                            expected.extend(&input[row * length..][..length]);
                        }
                    }
                }
            }
            assert_eq!(output, expected, "{sizes:?}, {length}");
        }
    }
    transpose_rows::<u32>(&mut [], &[], [2, 3, 4, 5], 0);
}
