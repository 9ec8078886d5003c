// The inputs of a case: made from a seed wherever they are needed, so that they need not travel between processes.

/** @typedef {import("./cases.mjs").AttentionCase} AttentionCase */

/**
 * Uniform in [0, 1), from a 32-bit state (mulberry32, by Tommy Ettinger).
 * @param {number} seed
 */
function makeGenerator(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let bits = Math.imul(state ^ (state >>> 15), state | 1);
    bits ^= bits + Math.imul(bits ^ (bits >>> 7), bits | 61);
    return ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32;
  };
}

/**
 * Query [B, H, L, D], key and value [B, H, S, D], row-major.
 * @param {AttentionCase} attentionCase
 */
export function makeInputs({ batch, heads, queryLength, keyLength, headSize, amplitude }) {
  const random = makeGenerator(1);
  const fill = (/** @type {number} */ length, /** @type {number} */ bound) =>
    Float32Array.from({ length: batch * heads * length * headSize }, () => (2 * random() - 1) * bound);
  return { query: fill(queryLength, amplitude), key: fill(keyLength, amplitude), value: fill(keyLength, 1) };
}
