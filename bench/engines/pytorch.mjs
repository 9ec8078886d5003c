// PyTorch, native, on one thread: python/pytorch.py.
import { makeInputs, makeOutputGradient } from "../inputs.mjs";
import { makeBatches, makeParameters } from "../training-step.mjs";
import { openPython } from "./python-process.mjs";

/** @typedef {import("../cases.mjs").AttentionCase | import("../cases.mjs").AttentionGradientCase} AttentionCase */
/** @typedef {import("../cases.mjs").LinearCase | import("../cases.mjs").LinearGradientCase} LinearCase */
/** @typedef {import("./python-process.mjs").NamedArray} NamedArray */

/** @type {import("./adapter.mjs").Open} */
export const open = () => openPython("pytorch", (benchmarkCase) => ({ arrays: arraysOf(benchmarkCase) }));

/**
 * @param {import("../cases.mjs").Case} benchmarkCase
 * @returns {NamedArray[]}
 */
function arraysOf(benchmarkCase) {
  switch (benchmarkCase.operation) {
    case "attention":
      return attentionArrays(benchmarkCase);
    case "linear":
      return linearArrays(benchmarkCase);
    case "attention gradient": {
      const arrays = attentionArrays(benchmarkCase);
      const { batch, heads, queryLength, valueHeadSize, layout } = benchmarkCase;
      const shape =
        layout === "BHLD" ? [batch, heads, queryLength, valueHeadSize] : [batch, queryLength, heads, valueHeadSize];
      return [...arrays, outputGradient(benchmarkCase, shape)];
    }
    case "linear gradient": {
      const { rows, outFeatures } = benchmarkCase;
      return [...linearArrays(benchmarkCase), outputGradient(benchmarkCase, [rows, outFeatures])];
    }
    case "training step":
      return trainingArrays(benchmarkCase);
  }
}

/**
 * @param {import("../cases.mjs").AttentionGradientCase | import("../cases.mjs").LinearGradientCase} gradientCase
 * @param {number[]} shape
 * @returns {NamedArray}
 */
const outputGradient = (gradientCase, shape) => ({
  name: "outputGradient",
  dtype: "float32",
  shape,
  elements: makeOutputGradient(gradientCase),
});

/**
 * The parameters, and all batches in one array each.
 * @param {import("../cases.mjs").TrainingCase} trainingCase
 * @returns {NamedArray[]}
 */
function trainingArrays(trainingCase) {
  const batches = makeBatches(trainingCase);
  const shape = [batches.length, trainingCase.batch, trainingCase.length];
  return [
    ...makeParameters(trainingCase).map((parameter) => ({ ...parameter, dtype: /** @type {const} */ ("float32") })),
    .../** @type {const} */ (["inputs", "targets"]).map((name) => ({
      name,
      dtype: /** @type {const} */ ("int32"),
      shape,
      elements: Int32Array.from(batches.flatMap((batch) => [...batch[name]])),
    })),
  ];
}

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
