//! Copies of elements in another order, bit for bit, whatever they are.

/// Rows and columns of the square that is transposed at a time: it stays in the L1 cache.
const SQUARE: usize = 16;

/// Copies `rows` rows of `length` elements, which begin so many elements after each other.
pub fn copy_rows<T: Copy>(
    output: &mut [T],
    input: &[T],
    rows: usize,
    length: usize,
    output_stride: usize,
    input_stride: usize,
) {
    for row in 0..rows {
        output[row * output_stride..][..length].copy_from_slice(&input[row * input_stride..][..length]);
    }
}

/// output `[outer, second, middle, first]` = input `[outer, first, middle, second]`, for the sizes [outer, first, middle,
/// second].
#[inline(never)]
pub fn transpose<T: Copy>(output: &mut [T], input: &[T], sizes: [usize; 4]) {
    let [_, first, middle, second] = sizes;
    assert!(output.len() == sizes.iter().product() && input.len() == output.len());
    if output.is_empty() {
        return;
    }
    let plane = first * middle * second;
    for (output, input) in output.chunks_exact_mut(plane).zip(input.chunks_exact(plane)) {
        for place in 0..middle {
            for row_start in (0..first).step_by(SQUARE) {
                for column_start in (0..second).step_by(SQUARE) {
                    for row in row_start..first.min(row_start + SQUARE) {
                        let columns = SQUARE.min(second - column_start);
                        let elements = &input[(row * middle + place) * second + column_start..][..columns];
                        let mut target = (column_start * middle + place) * first + row;
                        for element in elements {
                            output[target] = *element;
                            target += middle * first;
                        }
                    }
                }
            }
        }
    }
}

/// As `transpose`, of rows of `length` elements each.
pub fn transpose_rows<T: Copy>(output: &mut [T], input: &[T], sizes: [usize; 4], length: usize) {
    let [outer, first, middle, second] = sizes;
    assert!(output.len() == outer * first * middle * second * length && input.len() == output.len());
    let mut rows = input.chunks_exact(length.max(1));
    for o in 0..outer {
        for i in 0..first {
            for m in 0..middle {
                for j in 0..second {
                    let Some(row) = rows.next() else { return };
                    output[(((o * second + j) * middle + m) * first + i) * length..][..length].copy_from_slice(row);
                }
            }
        }
    }
}
