/** The masked mean in float64. */
type Values = ArrayLike<number>;
type Sizes = readonly [batch: number, length: number, columns: number];

/** mask / max(Σ mask, 1e-9) over each of the rows of [batch, length]. */
export function shares(mask: Values, batch: number, length: number): Float64Array {
  const result = new Float64Array(batch * length);
  for (let b = 0; b < batch; b++) {
    let sum = 0;
    for (let l = 0; l < length; l++) sum += mask[b * length + l];
    for (let l = 0; l < length; l++) result[b * length + l] = mask[b * length + l] / Math.max(sum, 1e-9);
  }
  return result;
}

/** Σ m x / max(Σ m, 1e-9) over L of [B, L, E]; what is hidden enters no sum. */
export function maskedMean(x: Values, mask: Values, [batch, length, columns]: Sizes): Float64Array {
  const weights = shares(mask, batch, length);
  const output = new Float64Array(batch * columns);
  for (let at = 0; at < x.length; at++) {
    const [row, e] = [Math.floor(at / columns), at % columns];
    if (weights[row] !== 0) output[Math.floor(row / length) * columns + e] += weights[row] * x[at];
  }
  return output;
}

/** m dy / max(Σ m, 1e-9). */
export function maskedMeanGradient(dy: Values, mask: Values, [batch, length, columns]: Sizes): Float64Array {
  const weights = shares(mask, batch, length);
  return Float64Array.from({ length: batch * length * columns }, (_, at) => {
    const [row, e] = [Math.floor(at / columns), at % columns];
    return weights[row] * dy[Math.floor(row / length) * columns + e];
  });
}
