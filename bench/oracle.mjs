// What an engine's result is held against: attention in float64, straight from the equation.
import { makeInputs } from "./inputs.mjs";

/** @typedef {import("./cases.mjs").AttentionCase} AttentionCase */

/**
 * output = softmax(query · keyᵀ / √D) · value, row by row, where a causal row sees the keys up to its own.
 * @param {AttentionCase} attentionCase
 * @returns {{ output: Float64Array, tolerance: number }} the output [B, H, L, D], and how far a float32 result may lie
 *   from it
 */
export function expectedAttention(attentionCase) {
  const { batch, heads, queryLength, keyLength, headSize, isCausal } = attentionCase;
  const { query, key, value } = makeInputs(attentionCase);
  const output = new Float64Array(batch * heads * queryLength * headSize);
  const weights = new Float64Array(keyLength);
  let largestScore = 0;

  for (let head = 0; head < batch * heads; head++) {
    const firstKey = head * keyLength * headSize;
    for (let row = 0; row < queryLength; row++) {
      const start = (head * queryLength + row) * headSize;
      const visible = isCausal ? Math.min(row + 1, keyLength) : keyLength;

      let maximum = -Infinity;
      for (let column = 0; column < visible; column++) {
        const keyStart = firstKey + column * headSize;
        let score = 0;
        for (let d = 0; d < headSize; d++) score += query[start + d] * key[keyStart + d];
        weights[column] = score / Math.sqrt(headSize);
        maximum = Math.max(maximum, weights[column]);
        largestScore = Math.max(largestScore, Math.abs(weights[column]));
      }

      let sum = 0;
      for (let column = 0; column < visible; column++) {
        weights[column] = Math.exp(weights[column] - maximum);
        sum += weights[column];
      }
      for (let column = 0; column < visible; column++) {
        const weight = weights[column] / sum;
        const valueStart = firstKey + column * headSize;
        for (let d = 0; d < headSize; d++) output[start + d] += weight * value[valueStart + d];
      }
    }
  }
  // A score's rounding error grows with the score, and by the exponential it is the relative error of a weight.
  return { output, tolerance: 5e-7 * (1 + largestScore) };
}

/**
 * @param {ArrayLike<number>} actual
 * @param {ArrayLike<number>} expected
 * @returns {number} the largest absolute difference; NaN when a number is missing or is NaN
 */
export function largestError(actual, expected) {
  if (actual.length !== expected.length) return NaN;
  let largest = 0;
  // Math.max answers NaN when it is given one.
  for (let i = 0; i < expected.length; i++) largest = Math.max(largest, Math.abs(actual[i] - expected[i]));
  return largest;
}
