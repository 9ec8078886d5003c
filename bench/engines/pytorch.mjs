// PyTorch, native, on one thread: python/pytorch.py.
import { makeInputs } from "../inputs.mjs";
import { openPython } from "./python-process.mjs";

/** @typedef {import("../cases.mjs").AttentionCase} AttentionCase */
/** @typedef {import("../cases.mjs").LinearCase} LinearCase */
/** @typedef {import("./python-process.mjs").NamedArray} NamedArray */

/** @type {import("./adapter.mjs").Open} */
export const open = () =>
  openPython("pytorch", (benchmarkCase) => ({
    arrays: benchmarkCase.operation === "attention" ? attentionArrays(benchmarkCase) : linearArrays(benchmarkCase),
  }));

/**
 * @param {AttentionCase} attentionCase
 * @returns {NamedArray[]}
 */
function attentionArrays(attentionCase) {
  const { batch, heads, keyHeads, queryLength, keyLength, headSize, valueHeadSize, layout } = attentionCase;
  const { query, key, value, mask } = makeInputs(attentionCase);
  const shape = (/** @type {number} */ headCount, /** @type {number} */ length, /** @type {number} */ size) =>
    layout === "BHLD" ? [batch, headCount, length, size] : [batch, length, headCount, size];
  /** @type {NamedArray[]} */
  const arrays = [
    { name: "query", dtype: "float32", shape: shape(heads, queryLength, headSize), elements: query },
    { name: "key", dtype: "float32", shape: shape(keyHeads, keyLength, headSize), elements: key },
    { name: "value", dtype: "float32", shape: shape(keyHeads, keyLength, valueHeadSize), elements: value },
  ];
  if (mask !== undefined) {
    const dtype = attentionCase.mask === "boolean" ? "bool" : "float32";
    arrays.push({ name: "mask", dtype, shape: [queryLength, keyLength], elements: mask });
  }
  return arrays;
}

/**
 * @param {LinearCase} linearCase
 * @returns {NamedArray[]}
 */
function linearArrays(linearCase) {
  const { rows, inFeatures, outFeatures } = linearCase;
  const { input, weight, bias } = makeInputs(linearCase);
  /** @type {NamedArray[]} */
  const arrays = [
    { name: "input", dtype: "float32", shape: [rows, inFeatures], elements: input },
    { name: "weight", dtype: "float32", shape: [outFeatures, inFeatures], elements: weight },
  ];
  if (bias !== undefined) arrays.push({ name: "bias", dtype: "float32", shape: [outFeatures], elements: bias });
  return arrays;
}
