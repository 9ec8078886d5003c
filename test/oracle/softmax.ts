/** Softmax in float64. */
type Values = ArrayLike<number>;

/** Softmax over the last axis of [rows, columns]. */
export function softmax(input: Values, rows: number, columns: number): Float64Array {
  const output = new Float64Array(rows * columns);
  for (let row = 0; row < rows; row++) {
    const start = row * columns;
    let maximum = -Infinity;
    for (let c = 0; c < columns; c++) {
      maximum = Math.max(maximum, input[start + c]);
    }
    let sum = 0;
    for (let c = 0; c < columns; c++) {
      output[start + c] = Math.exp(input[start + c] - maximum);
      sum += output[start + c];
    }
    for (let c = 0; c < columns; c++) {
      output[start + c] /= sum;
    }
  }
  return output;
}
