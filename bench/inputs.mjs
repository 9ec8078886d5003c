// The inputs of a case: made from a seed wherever they are needed, so that they need not travel between processes.
import { f16round } from "@petamoriken/float16";

/** @typedef {import("./cases.mjs").AttentionCase | import("./cases.mjs").AttentionGradientCase} AttentionCase */
/** @typedef {import("./cases.mjs").LinearCase | import("./cases.mjs").LinearGradientCase} LinearCase */

/**
 * @typedef {object} AttentionInputs in the case's layout; of a 16-bit dtype, float32 values that it holds
 * @property {Float32Array} query [B, H, L, D] or [B, L, H, D]
 * @property {Float32Array} key [B, Hkv, S, D] or [B, S, Hkv, D]
 * @property {Float32Array} value [B, Hkv, S, Dv] or [B, S, Hkv, Dv]
 * @property {Uint8Array | Float32Array} [mask] [L, S]: non-zero where a query may attend, or what is added to its score
 * @property {Float32Array} [alibiSlopes] [H], from 2^-8 to 2^-(8 / H): those of the paper that proposed them
 * @property {Float32Array} [sinks] [H]
 */

/**
 * @typedef {object} LinearInputs
 * @property {Float32Array} input [M, K]
 * @property {Float32Array} weight [N, K]
 * @property {Float32Array} [bias] [N]
 */

const HIDDEN_SHARE = 0.25;

/**
 * Uniform in [0, 1), from a 32-bit state (mulberry32, by Tommy Ettinger).
 * @param {number} seed
 */
export function makeGenerator(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let bits = Math.imul(state ^ (state >>> 15), state | 1);
    bits ^= bits + Math.imul(bits ^ (bits >>> 7), bits | 61);
    return ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32;
  };
}

/**
 * @param {() => number} random
 * @param {number} length
 * @param {number} bound
 */
export const uniform = (random, length, bound) => Float32Array.from({ length }, () => (2 * random() - 1) * bound);

const word = new DataView(new ArrayBuffer(4));

/** To the nearest bfloat16, and beside a tie to the even one. @param {number} value finite */
function roundToBfloat16(value) {
  word.setFloat32(0, value);
  const bits = word.getUint32(0);
  word.setUint32(0, (bits + 0x7fff + ((bits >>> 16) & 1)) & 0xffff0000);
  return word.getFloat32(0);
}

/**
 * A case object's inputs are made once, so that an engine's first call can be timed without their making. Nobody writes
 * to them.
 * @type {WeakMap<AttentionCase | LinearCase, AttentionInputs | LinearInputs>}
 */
const made = new WeakMap();

/**
 * @template {AttentionCase | LinearCase} T
 * @param {T} benchmarkCase
 * @returns {T extends AttentionCase ? AttentionInputs : LinearInputs}
 */
export function makeInputs(benchmarkCase) {
  const inputs =
    made.get(benchmarkCase) ??
    ("queryLength" in benchmarkCase ? makeAttentionInputs(benchmarkCase) : makeLinearInputs(benchmarkCase));
  made.set(benchmarkCase, inputs);
  return /** @type {T extends AttentionCase ? AttentionInputs : LinearInputs} */ (inputs);
}

/**
 * @param {AttentionCase} attentionCase
 * @returns {AttentionInputs}
 */
function makeAttentionInputs(attentionCase) {
  const { batch, heads, keyHeads, queryLength, keyLength, headSize, valueHeadSize, dtype, amplitude } = attentionCase;
  const { hasAlibi, hasSinks } = attentionCase;
  const random = makeGenerator(1);
  const fill = (/** @type {number} */ length, /** @type {number} */ bound) => {
    const elements = uniform(random, length, bound);
    return dtype === "float32" ? elements : elements.map(dtype === "float16" ? (x) => f16round(x) : roundToBfloat16);
  };
  return {
    query: fill(batch * heads * queryLength * headSize, amplitude),
    key: fill(batch * keyHeads * keyLength * headSize, amplitude),
    value: fill(batch * keyHeads * keyLength * valueHeadSize, 1),
    mask: makeMask(attentionCase, random),
    alibiSlopes: hasAlibi
      ? Float32Array.from({ length: heads }, (_, head) => 2 ** (-8 * (1 - head / heads)))
      : undefined,
    sinks: hasSinks ? fill(heads, 1) : undefined,
  };
}

/**
 * @param {AttentionCase} attentionCase
 * @param {() => number} random
 */
function makeMask({ mask, queryLength, keyLength }, random) {
  const length = queryLength * keyLength;
  // Causality beside a mask still leaves a row its first key.
  const isOpen = (/** @type {number} */ index) => random() >= HIDDEN_SHARE || index % keyLength === 0;
  switch (mask) {
    case undefined:
      return undefined;
    case "boolean":
      return Uint8Array.from({ length }, (_, index) => Number(isOpen(index)));
    case "float":
      return Float32Array.from({ length }, (_, index) => (isOpen(index) ? 2 * random() - 1 : -Infinity));
    case "all -1e30":
      return Float32Array.from({ length }, (_, index) => (2 * (index % keyLength) < keyLength ? 0 : -1e30));
    case "causal":
      return Float32Array.from({ length }, (_, index) =>
        index % keyLength <= Math.floor(index / keyLength) ? 0 : -Infinity,
      );
  }
}

/**
 * The outputs deviate by about 1, so that an activation sees both of its sides.
 * @param {LinearCase} linearCase
 * @returns {LinearInputs}
 */
function makeLinearInputs({ rows, inFeatures, outFeatures, hasBias }) {
  const random = makeGenerator(1);
  return {
    input: uniform(random, rows * inFeatures, 1),
    weight: uniform(random, outFeatures * inFeatures, 3 / Math.sqrt(inFeatures)),
    bias: hasBias ? uniform(random, outFeatures, 1) : undefined,
  };
}

/**
 * What a backward pass starts from, as the output lies: [B, H, L, Dv] or [B, L, H, Dv], or [M, N].
 * @param {import("./cases.mjs").AttentionGradientCase | import("./cases.mjs").LinearGradientCase} gradientCase
 */
export function makeOutputGradient(gradientCase) {
  if (gradientCase.operation === "linear gradient") {
    return uniform(makeGenerator(2), gradientCase.rows * gradientCase.outFeatures, 1);
  }
  const { batch, heads, queryLength, valueHeadSize } = gradientCase;
  return uniform(makeGenerator(2), batch * heads * queryLength * valueHeadSize, 1);
}

/**
 * What the mask adds to a score.
 * @param {Uint8Array | Float32Array | undefined} mask
 * @param {number} index
 */
export function addedBy(mask, index) {
  if (mask === undefined) return 0;
  if (mask instanceof Float32Array) return mask[index];
  return mask[index] === 0 ? -Infinity : 0;
}
