/** Rotary embedding in float64. */
type Values = ArrayLike<number>;

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
