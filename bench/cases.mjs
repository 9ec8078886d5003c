// What is measured, as data.
//
// Letters: B batch, H heads, L queries, S keys, D head size.

/**
 * @typedef {object} AttentionCase
 * @property {string} name unique; `--filter` looks into it
 * @property {number} batch B
 * @property {number} heads H, of queries and of keys
 * @property {number} queryLength L
 * @property {number} keyLength S
 * @property {number} headSize D, of queries, keys and values
 * @property {boolean} isCausal query l sees the keys 0 to l
 * @property {number} amplitude query and key are uniform in [-amplitude, amplitude), value in [-1, 1). At 1 the scores
 *   deviate by 1/3 and every weight counts; at 8 they deviate by 21, and most exponentials fall below the float32 range
 */

/**
 * @param {number} length L and S
 * @param {boolean} isCausal
 * @param {number} [amplitude]
 * @returns {AttentionCase}
 */
const attention = (length, isCausal, amplitude = 1) => ({
  name: `attention ${length} ${isCausal ? "causal" : "dense"}${amplitude === 1 ? "" : ` amplitude ${amplitude}`}`,
  batch: 1,
  heads: 12,
  queryLength: length,
  keyLength: length,
  headSize: 64,
  isCausal,
  amplitude,
});

/** @type {readonly AttentionCase[]} */
export const cases = [
  attention(128, false),
  attention(128, true),
  attention(512, false),
  attention(512, true),
  attention(512, false, 8),
  attention(512, true, 8),
  attention(1024, false),
  attention(1024, true),
];

/**
 * The floating-point operations of query · keyᵀ and weights · value over the scores that the mask leaves open; the
 * softmax between them is not counted, and neither is what an engine computes for closed scores.
 * @param {AttentionCase} attentionCase
 */
export function countFlops({ batch, heads, queryLength, keyLength, headSize, isCausal }) {
  let openScores = 0;
  for (let row = 0; row < queryLength; row++) openScores += isCausal ? Math.min(row + 1, keyLength) : keyLength;
  const productsOfOneScore = 2;
  const flopsOfOneProduct = 2 * headSize;
  return batch * heads * openScores * productsOfOneScore * flopsOfOneProduct;
}
