// The cases as ONNX models of one operator, with what goes in and what comes out: for onnxruntime in WebAssembly and
// native alike.
import { isOursAlone } from "../cases.mjs";
import { makeInputs } from "../inputs.mjs";
import { swapMiddle } from "./layout.mjs";
import { encodeModel } from "./onnx-model.mjs";

/** @typedef {import("../cases.mjs").AttentionCase} AttentionCase */
/** @typedef {import("../cases.mjs").LinearCase} LinearCase */
/** @typedef {import("./onnx-model.mjs").TensorInfo} TensorInfo */
/** @typedef {import("./onnx-model.mjs").NamedTensor} NamedTensor */

/**
 * @typedef {object} Program
 * @property {Uint8Array} model
 * @property {readonly NamedTensor[]} feeds
 * @property {(output: Float32Array) => Float32Array} toResult the output in the layout of the case
 * @property {string} [weights] the name of the output that has the attention weights; the first output is the output
 */

/**
 * By the operators Attention and Gemm.
 * @param {import("../cases.mjs").Case} benchmarkCase
 * @returns {Program | undefined}
 */
export function makeProgram(benchmarkCase) {
  switch (benchmarkCase.operation) {
    case "attention":
      return makeAttention(benchmarkCase);
    case "linear":
      return makeLinear(benchmarkCase);
    default:
      return undefined;
  }
}

/** What no operator has that is in use here. @param {AttentionCase} attentionCase */
const isBeyondOnnx = (attentionCase) => {
  const { dtype, dropoutP, leftWindowSize, causalAlignment, queryLength, keyLength } = attentionCase;
  return (
    dtype !== "float32" ||
    isOursAlone(attentionCase) ||
    dropoutP !== undefined ||
    leftWindowSize !== undefined ||
    (causalAlignment === "lower-right" && queryLength !== keyLength)
  );
};

/**
 * https://onnx.ai/onnx/operators/onnx__Attention.html: of rank 4 its tensors are [B, H, L, D], of rank 3 [B, L, H · D].
 * @param {AttentionCase} attentionCase
 * @returns {Program | undefined}
 */
function makeAttention(attentionCase) {
  const { batch, heads, keyHeads, queryLength, keyLength, headSize, valueHeadSize } = attentionCase;
  const { layout, isCausal, softcap, needWeights } = attentionCase;
  if (isBeyondOnnx(attentionCase) || needWeights === "one head") return undefined;

  const { query, key, value, mask } = makeInputs(attentionCase);
  const shape = (/** @type {number} */ headCount, /** @type {number} */ length, /** @type {number} */ size) =>
    layout === "BHLD" ? [batch, headCount, length, size] : [batch, length, headCount * size];
  /** @type {NamedTensor[]} */
  const feeds = [
    { name: "Q", dtype: "float32", shape: shape(heads, queryLength, headSize), elements: query },
    { name: "K", dtype: "float32", shape: shape(keyHeads, keyLength, headSize), elements: key },
    { name: "V", dtype: "float32", shape: shape(keyHeads, keyLength, valueHeadSize), elements: value },
  ];
  if (mask !== undefined) {
    const dtype = attentionCase.mask === "boolean" ? "bool" : "float32";
    feeds.push({ name: "attn_mask", dtype, shape: [queryLength, keyLength], elements: mask });
  }
  /** @type {TensorInfo[]} */
  const outputs = [{ name: "Y", dtype: "float32", shape: shape(heads, queryLength, valueHeadSize) }];
  if (needWeights === "all") {
    outputs.push({ name: "weights", dtype: "float32", shape: [batch, heads, queryLength, keyLength] });
  }
  const node = {
    operator: "Attention",
    inputs: feeds.map(({ name }) => name),
    outputs: needWeights === "all" ? ["Y", "", "", "weights"] : ["Y"],
    attributes: {
      is_causal: Number(isCausal),
      ...(softcap !== undefined && { softcap: Float32Array.of(softcap) }),
      ...(layout === "BLHD" && { q_num_heads: heads, kv_num_heads: keyHeads }),
      // The fourth output is what softmax gives.
      ...(needWeights === "all" && { qk_matmul_output_mode: 3 }),
    },
  };
  return {
    model: encodeModel({ nodes: [node], inputs: feeds, outputs }),
    feeds,
    toResult: (output) => output,
    ...(needWeights === "all" && { weights: "weights" }),
  };
}

/**
 * The weights are a constant, so that the runtime can pack them once.
 * @param {LinearCase} linearCase
 * @returns {Program}
 */
function makeLinear(linearCase) {
  const { rows, inFeatures, outFeatures, activation } = linearCase;
  const { input, weight, bias } = makeInputs(linearCase);
  /** @type {NamedTensor[]} */
  const initializers = [{ name: "weight", dtype: "float32", shape: [outFeatures, inFeatures], elements: weight }];
  if (bias !== undefined) initializers.push({ name: "bias", dtype: "float32", shape: [outFeatures], elements: bias });
  /** @type {NamedTensor[]} */
  const feeds = [{ name: "x", dtype: "float32", shape: [rows, inFeatures], elements: input }];
  const gemm = {
    operator: "Gemm",
    inputs: ["x", ...initializers.map(({ name }) => name)],
    outputs: [activation === undefined ? "Y" : "product"],
    attributes: { transB: 1 },
  };
  const nodes = activation === undefined ? [gemm] : [gemm, { operator: "Gelu", inputs: ["product"], outputs: ["Y"] }];
  return {
    model: encodeModel({
      nodes,
      inputs: feeds,
      outputs: [{ name: "Y", dtype: "float32", shape: [rows, outFeatures] }],
      initializers,
    }),
    feeds,
    toResult: (output) => output,
  };
}

/**
 * By the operator MultiHeadAttention of com.microsoft, which has no grouped heads, boolean mask or softcap:
 * https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md#com.microsoft.MultiHeadAttention. Its tensors
 * are [B, L, H · D]: of the layout BHLD, inputs are converted before the clock starts, the output after it stopped.
 * @param {import("../cases.mjs").Case} benchmarkCase
 * @returns {Program | undefined}
 */
export function makeMultiHeadAttention(benchmarkCase) {
  if (benchmarkCase.operation !== "attention" || isBeyondOnnx(benchmarkCase)) return undefined;
  const { batch, heads, keyHeads, queryLength, keyLength, headSize, valueHeadSize } = benchmarkCase;
  const { layout, isCausal, softcap, needWeights } = benchmarkCase;
  if (heads !== keyHeads || benchmarkCase.mask === "boolean" || softcap !== undefined) return undefined;
  if (needWeights !== undefined) return undefined;

  const inputs = makeInputs(benchmarkCase);
  /** @type {(name: string, elements: Float32Array, length: number, size: number) => NamedTensor} */
  const feed = (name, elements, length, size) => ({
    name,
    dtype: "float32",
    shape: [batch, length, heads * size],
    elements: layout === "BHLD" ? swapMiddle(elements, [batch, heads, length, size]) : elements,
  });
  const feeds = [
    feed("query", inputs.query, queryLength, headSize),
    feed("key", inputs.key, keyLength, headSize),
    feed("value", inputs.value, keyLength, valueHeadSize),
  ];
  const names = feeds.map(({ name }) => name);
  if (inputs.mask !== undefined) {
    // The bias of the projections and the key padding come first.
    names.push("", "", "attention_bias");
    feeds.push({
      name: "attention_bias",
      dtype: "float32",
      shape: [1, 1, queryLength, keyLength],
      elements: inputs.mask,
    });
  }
  const node = /** @type {const} */ ({
    operator: "MultiHeadAttention",
    domain: "com.microsoft",
    inputs: names,
    outputs: ["Y"],
    attributes: { num_heads: heads, unidirectional: Number(isCausal) },
  });
  return {
    model: encodeModel({
      nodes: [node],
      inputs: feeds,
      outputs: [{ name: "Y", dtype: "float32", shape: [batch, queryLength, heads * valueHeadSize] }],
    }),
    feeds,
    toResult: (output) => (layout === "BHLD" ? swapMiddle(output, [batch, queryLength, heads, valueHeadSize]) : output),
  };
}
