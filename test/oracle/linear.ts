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

/** The gradients of Σ dy · (x · Wᵀ + b), dy [rows, outFeatures]: dy · W, dyᵀ · x, and the sum of dy's rows. */
export function linearGradients(
  dy: Values,
  input: Values,
  weight: Values,
  rows: number,
  inFeatures: number,
  outFeatures: number,
): Record<"input" | "weight" | "bias", Float64Array> {
  const gradients = {
    input: new Float64Array(rows * inFeatures),
    weight: new Float64Array(outFeatures * inFeatures),
    bias: new Float64Array(outFeatures),
  };
  for (let row = 0; row < rows; row++) {
    for (let n = 0; n < outFeatures; n++) {
      const d = dy[row * outFeatures + n];
      gradients.bias[n] += d;
      for (let k = 0; k < inFeatures; k++) {
        gradients.input[row * inFeatures + k] += d * weight[n * inFeatures + k];
        gradients.weight[n * inFeatures + k] += d * input[row * inFeatures + k];
      }
    }
  }
  return gradients;
}

/** How far off those may be in float32: (n + 2) · 2^-24 times the sum of the sizes of an element's n terms. */
export function linearGradientTolerance(
  ...[dy, input, weight, rows, inFeatures, outFeatures]: Parameters<typeof linearGradients>
): (operand: string, index: number) => number {
  const size = (values: Values): Float64Array => Float64Array.from(values, Math.abs);
  const sums = linearGradients(size(dy), size(input), size(weight), rows, inFeatures, outFeatures);
  return (operand, index) =>
    ((operand === "input" ? outFeatures : rows) + 2) * 2 ** -24 * sums[operand as keyof typeof sums][index];
}
