/** The norms in float64. */
type Values = ArrayLike<number>;

/** (x − mean) / √(variance + epsilon) · weight + bias a row, with the variance over all columns (not columns − 1). */
export function layerNorm(
  input: Values,
  weight: Values | undefined,
  bias: Values | undefined,
  rows: number,
  columns: number,
  epsilon: number,
): Float64Array {
  const output = new Float64Array(rows * columns);
  for (let row = 0; row < rows; row++) {
    const start = row * columns;
    let mean = 0;
    for (let c = 0; c < columns; c++) {
      mean += input[start + c];
    }
    // Divided last, the mean of equal values is exact: their sum has room in float64.
    mean /= columns;
    let variance = 0;
    for (let c = 0; c < columns; c++) {
      variance += (input[start + c] - mean) ** 2 / columns;
    }
    const deviation = Math.sqrt(variance + epsilon);
    for (let c = 0; c < columns; c++) {
      output[start + c] = ((input[start + c] - mean) / deviation) * (weight?.[c] ?? 1) + (bias?.[c] ?? 0);
    }
  }
  return output;
}

/** x / √(mean of squares + epsilon) · weight a row. */
export function rmsNorm(
  input: Values,
  weight: Values | undefined,
  rows: number,
  columns: number,
  epsilon: number,
): Float64Array {
  const output = new Float64Array(rows * columns);
  for (let row = 0; row < rows; row++) {
    const start = row * columns;
    let meanOfSquares = 0;
    for (let c = 0; c < columns; c++) {
      meanOfSquares += input[start + c] ** 2 / columns;
    }
    const root = Math.sqrt(meanOfSquares + epsilon);
    for (let c = 0; c < columns; c++) {
      output[start + c] = (input[start + c] / root) * (weight?.[c] ?? 1);
    }
  }
  return output;
}
