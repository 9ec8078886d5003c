// Attention weights of a text to itself, some rows at a time: what the worker runs, and the page for comparison.
import { embedCharacters, HEAD_DIM, HEADS } from "./characters.js";
import { init, scaledDotProductAttention, scope } from "./node_modules/wasm-attention/dist/index.js";

/**
 * Starts the package and prepares a text.
 * @param {string} text
 * @param {number} length how many of its characters, at most
 */
export async function openText(text, length) {
  await init();
  const embedded = embedCharacters(text, length);
  const key = { data: embedded.data, shape: [1, HEADS, embedded.length, HEAD_DIM] };
  // The weights are wanted and no output: values of width 1 cost next to nothing.
  const value = { data: new Float32Array(HEADS * embedded.length), shape: [1, HEADS, embedded.length, 1] };
  return {
    length: embedded.length,
    /**
     * The weights of the rows from `first` on, `[rows, length]`: the mean over the heads.
     * @param {number} first
     * @param {number} count
     */
    rows(first, count) {
      const end = Math.min(first + count, embedded.length);
      const query = new Float32Array(HEADS * (end - first) * HEAD_DIM);
      for (let head = 0; head < HEADS; head++) {
        const begin = head * embedded.length;
        const part = embedded.data.subarray((begin + first) * HEAD_DIM, (begin + end) * HEAD_DIM);
        query.set(part, head * (end - first) * HEAD_DIM);
      }
      // All memory of the call is free again when the scope ends; the array is the caller's.
      return scope(() => {
        const { weights } = scaledDotProductAttention(
          { data: query, shape: [1, HEADS, end - first, HEAD_DIM] },
          key,
          value,
          { scale: 1, needWeights: { averageHeads: true } },
        );
        return /** @type {Float32Array<ArrayBuffer>} */ (weights?.toArray());
      });
    },
  };
}
