/** float64 oracles of the layers around attention, in plain loops over row-major arrays. */
import type { RopeScaling } from "../../ts/entry/default.js";

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

/** Below it the series of erf converges fast without cancellation; above it the continued fraction of erfc does. */
const SERIES_LIMIT = 2;

/** erf x = 2/√π e^(−x²) Σ 2ⁿ x^(2n+1) / (1·3·5…(2n+1)): terms of one sign (Abramowitz and Stegun 7.1.6). */
function erfSeries(x: number): number {
  let term = x;
  let sum = x;
  for (let n = 1; Math.abs(term) > 1e-18 * Math.abs(sum); n++) {
    term *= (2 * x * x) / (2 * n + 1);
    sum += term;
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
}

/** erfc x for x ≥ 2: e^(−x²)/√π · 1/(x + (1/2)/(x + 1/(x + (3/2)/(x + …)))), from the tail (7.1.14). */
function erfcFraction(x: number): number {
  let tail = x;
  for (let n = 120; n >= 1; n--) {
    tail = x + n / 2 / tail;
  }
  return Math.exp(-x * x) / Math.sqrt(Math.PI) / tail;
}

/** The error function, to about 1e-15 of its value. */
export function erf(x: number): number {
  if (Number.isNaN(x) || x === 0) {
    return x;
  }
  if (Math.abs(x) <= SERIES_LIMIT) {
    return erfSeries(x);
  }
  return x > 0 ? 1 - erfcFraction(x) : erfcFraction(-x) - 1;
}

/** 1 − erf x without its cancellation. */
export function erfc(x: number): number {
  if (x > SERIES_LIMIT) {
    return erfcFraction(x);
  }
  return 1 - erf(x);
}

/** x · Φ(x), or the tanh formula of Hendrycks and Gimpel. */
export function gelu(x: number, approximate: "none" | "tanh" = "none"): number {
  if (x === -Infinity) {
    return 0;
  }
  if (approximate === "none") {
    return 0.5 * x * erfc(-x / Math.SQRT2);
  }
  const inner = Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3);
  // (1 + tanh y) / 2 = 1 / (1 + e^(−2y)), which keeps its digits where tanh y is near −1.
  return x / (1 + Math.exp(-2 * inner));
}

/** x / (1 + e^(−x)). */
export function silu(x: number): number {
  return x === -Infinity ? 0 : x / (1 + Math.exp(-x));
}

/** max(x, 0); NaN stays NaN. */
export function relu(x: number): number {
  return x < 0 ? 0 : x;
}

export interface RotaryProblem {
  readonly batch: number;
  readonly sequence: number;
  readonly heads: number;
  readonly headSize: number;
  /** How many leading elements of a head are rotated; an even number. The others are copied. */
  readonly rotarySize: number;
  /** Pairs (0, 1), (2, 3) … instead of (i, i + rotarySize / 2). */
  readonly interleaved: boolean;
  /** [B, heads, sequence, headSize] if true (ONNX's rank 4), else [B, sequence, heads, headSize] (rank 3, unfolded). */
  readonly headsFirst: boolean;
}

/**
 * ONNX's RotaryEmbedding. With positionIds [B, sequence] the tables are [rows, rotarySize / 2] and an id picks the row;
 * without, they are [B, sequence, rotarySize / 2].
 */
export function rotaryEmbedding(
  input: Values,
  cosine: Values,
  sine: Values,
  positionIds: ArrayLike<number> | undefined,
  problem: RotaryProblem,
): Float64Array {
  const { batch, sequence, heads, headSize, rotarySize, interleaved, headsFirst } = problem;
  const half = rotarySize / 2;
  const output = Float64Array.from(input);
  for (let b = 0; b < batch; b++) {
    for (let s = 0; s < sequence; s++) {
      const row = positionIds ? positionIds[b * sequence + s] : b * sequence + s;
      for (let h = 0; h < heads; h++) {
        const start = (headsFirst ? (b * heads + h) * sequence + s : (b * sequence + s) * heads + h) * headSize;
        for (let i = 0; i < half; i++) {
          const first = start + (interleaved ? 2 * i : i);
          const second = start + (interleaved ? 2 * i + 1 : i + half);
          const c = cosine[row * half + i];
          const sn = sine[row * half + i];
          output[first] = c * input[first] - sn * input[second];
          output[second] = sn * input[first] + c * input[second];
        }
      }
    }
  }
  return output;
}

/** What turns the pairs: their frequencies, and the factor of all cosines and sines. */
export interface RotaryFrequencies {
  readonly frequencies: readonly number[];
  readonly attentionFactor: number;
}

/**
 * base^(−2i / rotarySize), scaled for a sequence of `length` as the papers say: Chen et al. 2023 (linear), Peng et al. 2023
 * (dynamic, yarn), and the reference code of Llama 3.1.
 */
export function rotaryFrequencies(
  rotarySize: number,
  base: number,
  scaling: RopeScaling | undefined,
  length: number,
): RotaryFrequencies {
  const pairs = Array.from({ length: rotarySize / 2 }, (_, i) => i);
  const plain = (theta: number): number[] => pairs.map((i) => theta ** ((-2 * i) / rotarySize));
  switch (scaling?.ropeType) {
    case undefined:
      return { frequencies: plain(base), attentionFactor: 1 };
    case "linear":
      return { frequencies: plain(base).map((frequency) => frequency / scaling.factor), attentionFactor: 1 };
    case "dynamic": {
      const { factor, maxPositionEmbeddings, sequenceLength = length } = scaling;
      const longest = Math.max(sequenceLength, maxPositionEmbeddings);
      const ratio = (factor * longest) / maxPositionEmbeddings - (factor - 1);
      // The only pair of two features has frequency 1 with any base.
      const theta = rotarySize === 2 ? base : base * ratio ** (rotarySize / (rotarySize - 2));
      return { frequencies: plain(theta), attentionFactor: 1 };
    }
    case "yarn": {
      const { factor, originalMaxPositionEmbeddings, betaFast = 32, betaSlow = 1, truncate = true } = scaling;
      const { mscale, mscaleAllDim } = scaling;
      const pairOf = (turns: number): number =>
        (rotarySize * Math.log(originalMaxPositionEmbeddings / (turns * 2 * Math.PI))) / (2 * Math.log(base));
      const [first, last] = [pairOf(betaFast), pairOf(betaSlow)];
      const low = Math.max(truncate ? Math.floor(first) : first, 0);
      let high = Math.min(truncate ? Math.ceil(last) : last, rotarySize - 1);
      if (high === low) high += 0.001;
      const frequencies = plain(base).map((frequency, i) => {
        const ramp = Math.min(Math.max((i - low) / (high - low), 0), 1);
        return (1 - ramp) * frequency + (ramp * frequency) / factor;
      });
      const temperature = (scale: number): number => 0.1 * scale * Math.log(factor) + 1;
      const inferred =
        mscale !== undefined && mscaleAllDim !== undefined && mscale !== 0 && mscaleAllDim !== 0
          ? temperature(mscale) / temperature(mscaleAllDim)
          : temperature(1);
      return { frequencies, attentionFactor: scaling.attentionFactor ?? inferred };
    }
    case "llama3": {
      const { factor, lowFreqFactor, highFreqFactor, originalMaxPositionEmbeddings } = scaling;
      const frequencies = plain(base).map((frequency) => {
        const wavelength = (2 * Math.PI) / frequency;
        if (wavelength < originalMaxPositionEmbeddings / highFreqFactor) return frequency;
        if (wavelength > originalMaxPositionEmbeddings / lowFreqFactor) return frequency / factor;
        const smooth = (originalMaxPositionEmbeddings / wavelength - lowFreqFactor) / (highFreqFactor - lowFreqFactor);
        return ((1 - smooth) * frequency) / factor + smooth * frequency;
      });
      return { frequencies, attentionFactor: 1 };
    }
  }
}

/** cos and sin of position · frequency, times the attention factor, each [positions, pairs]. */
export function rotaryTables(
  positions: ArrayLike<number>,
  { frequencies, attentionFactor }: RotaryFrequencies,
): { cosine: Float64Array; sine: Float64Array } {
  const angles = Array.from(positions).flatMap((position) => frequencies.map((frequency) => position * frequency));
  return {
    cosine: Float64Array.from(angles, (angle) => attentionFactor * Math.cos(angle)),
    sine: Float64Array.from(angles, (angle) => attentionFactor * Math.sin(angle)),
  };
}

/** Rows of table [rows, width] by index. */
export function embedding(table: Values, indices: ArrayLike<number>, width: number): Float64Array {
  const output = new Float64Array(indices.length * width);
  for (let n = 0; n < indices.length; n++) {
    for (let c = 0; c < width; c++) {
      output[n * width + c] = table[indices[n] * width + c];
    }
  }
  return output;
}

/** "Attention is all you need" 3.5: column 2i is sin(position / 10000^(2i / width)), column 2i + 1 the cosine. */
export function sinusoidalPositions(rows: number, width: number): Float64Array {
  const output = new Float64Array(rows * width);
  for (let position = 0; position < rows; position++) {
    for (let c = 0; c < width; c++) {
      const angle = position / 10000 ** ((c - (c % 2)) / width);
      output[position * width + c] = c % 2 === 0 ? Math.sin(angle) : Math.cos(angle);
    }
  }
  return output;
}
