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

/** Its logarithm. */
export function logSoftmax(input: Values, rows: number, columns: number): Float64Array {
  const output = new Float64Array(rows * columns);
  for (let row = 0; row < rows; row++) {
    const numbers = Array.from({ length: columns }, (_, c) => input[row * columns + c]);
    const maximum = Math.max(...numbers);
    const logarithm = Math.log(numbers.reduce((sum, x) => sum + Math.exp(x - maximum), 0));
    numbers.forEach((x, c) => (output[row * columns + c] = x - maximum - logarithm));
  }
  return output;
}

/** y(dy − Σ y dy) of a row of results y. */
export function softmaxGradient(dy: readonly number[], y: readonly number[]): number[] {
  const total = y.reduce((sum, w, c) => sum + w * dy[c], 0);
  return y.map((w, c) => w * (dy[c] - total));
}

/** dy − exp(y) Σ dy. */
export function logSoftmaxGradient(dy: readonly number[], y: readonly number[]): number[] {
  const total = dy.reduce((sum, d) => sum + d, 0);
  return y.map((logarithm, c) => dy[c] - Math.exp(logarithm) * total);
}
