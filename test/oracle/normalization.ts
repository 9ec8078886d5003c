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

/** The gradients of a norm: dx = r(g − mean g − z mean(gz)), RMS norm's without mean g; dw = Σ dy z; db = Σ dy. */
export function normGradients(
  dy: Values,
  input: Values,
  weight: Values | undefined,
  rows: number,
  columns: number,
  epsilon: number,
  isCentered: boolean,
): Readonly<Record<"input" | "weight" | "bias", Float64Array>> {
  const dx = new Float64Array(rows * columns);
  const dw = new Float64Array(columns);
  const db = new Float64Array(columns);
  const mean = (numbers: number[]): number => numbers.reduce((sum, x) => sum + x, 0) / columns;
  for (let row = 0; row < rows; row++) {
    const x = Array.from({ length: columns }, (_, c) => input[row * columns + c]);
    const gradient = x.map((_, c) => dy[row * columns + c]);
    const center = isCentered ? mean(x) : 0;
    const r = 1 / Math.sqrt(mean(x.map((value) => (value - center) ** 2)) + epsilon);
    const z = x.map((value) => (value - center) * r);
    const g = gradient.map((value, c) => value * (weight?.[c] ?? 1));
    const shift = isCentered ? mean(g) : 0;
    const slope = mean(g.map((value, c) => value * z[c]));
    for (let c = 0; c < columns; c++) {
      dx[row * columns + c] = r * (g[c] - shift - z[c] * slope);
      dw[c] += gradient[c] * z[c];
      db[c] += gradient[c];
    }
  }
  return { input: dx, weight: dw, bias: db };
}

/** A row divided by its Euclidean norm, or by 1e-12. */
export function normalize(row: readonly number[]): number[] {
  const norm = Math.max(Math.hypot(...row), 1e-12);
  return row.map((x) => x / norm);
}

/** (dy − y Σ y dy) / norm, or dy / 1e-12 where that is more than the norm. */
export function normalizeGradient(dy: readonly number[], row: readonly number[]): number[] {
  const norm = Math.hypot(...row);
  if (norm < 1e-12) return dy.map((d) => d / 1e-12);
  const y = normalize(row);
  const total = y.reduce((sum, value, c) => sum + value * dy[c], 0);
  return y.map((value, c) => (dy[c] - value * total) / norm);
}
