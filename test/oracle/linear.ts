/** The linear layer in float64. */
type Values = ArrayLike<number>;

/** x · Wᵀ + b: x [rows, inFeatures], W [outFeatures, inFeatures], b [outFeatures]. */
export function linear(
  input: Values,
  weight: Values,
  bias: Values | undefined,
  rows: number,
  inFeatures: number,
  outFeatures: number,
): Float64Array {
  const output = new Float64Array(rows * outFeatures);
  for (let row = 0; row < rows; row++) {
    for (let n = 0; n < outFeatures; n++) {
      let sum = bias?.[n] ?? 0;
      for (let k = 0; k < inFeatures; k++) {
        sum += input[row * inFeatures + k] * weight[n * inFeatures + k];
      }
      output[row * outFeatures + n] = sum;
    }
  }
  return output;
}
