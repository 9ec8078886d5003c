// ONNX models of a few operators, encoded by hand: the field numbers are those of
// https://github.com/onnx/onnx/blob/main/onnx/onnx.proto, the encoding is https://protobuf.dev/programming-guides/encoding.
import { makeInputs } from "../inputs.mjs";

/** @typedef {import("../cases.mjs").AttentionCase} AttentionCase */
/** @typedef {import("../cases.mjs").LinearCase} LinearCase */

/**
 * @typedef {object} Value a tensor by name
 * @property {string} name
 * @property {"float32" | "bool"} type
 * @property {number[]} shape
 */

/**
 * @typedef {object} Constant a float32 tensor that is part of the model
 * @property {string} name
 * @property {number[]} shape
 * @property {Float32Array} elements
 */

/**
 * @typedef {object} Node an operator
 * @property {string} operator
 * @property {string} [domain] ONNX's own when it isn't said
 * @property {string[]} inputs an empty name is an input that is left out
 * @property {string[]} outputs
 * @property {Record<string, number>} [attributes] integers
 */

/**
 * @typedef {object} Model and what it is fed with; the output's name is Y
 * @property {Uint8Array} bytes
 * @property {Record<string, { type: "float32" | "bool", shape: number[], elements: Float32Array | Uint8Array }>} feeds
 */

const IR_VERSION = 11;
const OPSET = 23;
const ELEMENT_TYPES = { float32: 1, bool: 9 };
const ATTRIBUTE_TYPE_INT = 2;

/** @param {readonly ArrayLike<number>[]} parts */
function concatenate(parts) {
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let end = 0;
  for (const part of parts) {
    bytes.set(part, end);
    end += part.length;
  }
  return bytes;
}

/**
 * @param {number} value
 * @returns {number[]}
 */
const variableLength = (value) => (value < 128 ? [value] : [(value % 128) + 128, ...variableLength(value >> 7)]);

/** @param {number} field @param {number} value */
const integer = (field, value) => concatenate([variableLength(field * 8), variableLength(value)]);

/** @param {number} field @param {readonly ArrayLike<number>[]} parts */
function message(field, ...parts) {
  const content = concatenate(parts);
  return concatenate([variableLength(field * 8 + 2), variableLength(content.length), content]);
}

/** @param {number} field @param {string} value */
const text = (field, value) => message(field, new TextEncoder().encode(value));

/** A ValueInfoProto. @param {Value} value */
function encodeValue({ name, type, shape }) {
  const dimensions = shape.map((size) => message(1, integer(1, size)));
  return concatenate([
    text(1, name),
    message(2, message(1, integer(1, ELEMENT_TYPES[type]), message(2, ...dimensions))),
  ]);
}

/** A TensorProto: a constant, which the engine may rearrange before the first call. @param {Constant} constant */
const encodeConstant = ({ name, shape, elements }) =>
  concatenate([
    ...shape.map((size) => integer(1, size)),
    integer(2, ELEMENT_TYPES.float32),
    text(8, name),
    message(9, new Uint8Array(elements.buffer, elements.byteOffset, elements.byteLength)),
  ]);

/** A NodeProto. @param {Node} node */
const encodeNode = ({ operator, domain = "", inputs, outputs, attributes = {} }) =>
  concatenate([
    ...inputs.map((name) => text(1, name)),
    ...outputs.map((name) => text(2, name)),
    text(4, operator),
    ...Object.entries(attributes).map(([name, value]) =>
      message(5, text(1, name), integer(3, value), integer(20, ATTRIBUTE_TYPE_INT)),
    ),
    text(7, domain),
  ]);

/**
 * A ModelProto.
 * @param {object} graph
 * @param {readonly Value[]} graph.inputs
 * @param {readonly Constant[]} [graph.constants]
 * @param {readonly Node[]} graph.nodes in the order in which they run
 * @param {readonly Value[]} graph.outputs
 */
export function encodeModel({ inputs, constants = [], nodes, outputs }) {
  const graph = [
    ...nodes.map((node) => message(1, encodeNode(node))),
    text(2, "model"),
    ...constants.map((constant) => message(5, encodeConstant(constant))),
    ...inputs.map((value) => message(11, encodeValue(value))),
    ...outputs.map((value) => message(12, encodeValue(value))),
  ];
  const domains = new Set(["", ...nodes.map(({ domain = "" }) => domain)]);
  const opsets = [...domains].map((domain) =>
    message(8, text(1, domain), integer(2, domain === "" ? OPSET : 1)),
  );
  return concatenate([integer(1, IR_VERSION), message(7, ...graph), ...opsets]);
}

/** What is fed, as values. @param {Model["feeds"]} feeds */
const valuesOf = (feeds) => Object.entries(feeds).map(([name, { type, shape }]) => ({ name, type, shape }));

/**
 * Y = Attention(Q, K, V, mask), ONNX's operator of opset 23: undefined for what it doesn't have.
 * @param {AttentionCase} attentionCase
 * @returns {Model | undefined}
 */
export function makeAttentionModel(attentionCase) {
  const { batch, heads, keyHeads, queryLength, keyLength, headSize, valueHeadSize } = attentionCase;
  const { layout, dtype, isCausal, causalAlignment, leftWindowSize, dropoutP, needWeights } = attentionCase;
  const isLowerRight = isCausal && causalAlignment === "lower-right" && queryLength !== keyLength;
  if (layout === "BLHD" || dtype === "float16" || isLowerRight) return undefined;
  if (leftWindowSize !== undefined || dropoutP !== undefined || needWeights !== undefined) return undefined;

  const { query, key, value, mask } = makeInputs(attentionCase);
  /** @type {Model["feeds"]} */
  const feeds = {
    Q: { type: "float32", shape: [batch, heads, queryLength, headSize], elements: query },
    K: { type: "float32", shape: [batch, keyHeads, keyLength, headSize], elements: key },
    V: { type: "float32", shape: [batch, keyHeads, keyLength, valueHeadSize], elements: value },
    ...(mask && {
      mask: {
        type: mask instanceof Float32Array ? "float32" : "bool",
        shape: [queryLength, keyLength],
        elements: mask,
      },
    }),
  };
  const attention = {
    operator: "Attention",
    inputs: Object.keys(feeds),
    outputs: ["Y"],
    attributes: { is_causal: Number(isCausal) },
  };
  /** @type {Value} */
  const output = { name: "Y", type: "float32", shape: [batch, heads, queryLength, valueHeadSize] };
  return { bytes: encodeModel({ inputs: valuesOf(feeds), nodes: [attention], outputs: [output] }), feeds };
}

/**
 * Y = Gelu(MatMul(X, W) + B), where W and B are constants.
 * @param {LinearCase} linearCase
 * @returns {Model}
 */
export function makeLinearModel(linearCase) {
  const { rows, inFeatures, outFeatures, activation } = linearCase;
  const { input, weight, bias } = makeInputs(linearCase);
  const transposed = weight.map(
    (_, index) => weight[(index % outFeatures) * inFeatures + Math.floor(index / outFeatures)],
  );
  const constants = [
    { name: "W", shape: [inFeatures, outFeatures], elements: transposed },
    ...(bias ? [{ name: "B", shape: [outFeatures], elements: bias }] : []),
  ];
  // Each step reads what the one before it wrote; the last writes Y.
  const steps = [
    { operator: "MatMul", inputs: ["X", "W"] },
    ...(bias ? [{ operator: "Add", inputs: ["B"] }] : []),
    ...(activation === "gelu" ? [{ operator: "Gelu", inputs: [] }] : []),
  ];
  const nodes = steps.map(({ operator, inputs }, index) => ({
    operator,
    inputs: index === 0 ? inputs : [`step ${index}`, ...inputs],
    outputs: [index === steps.length - 1 ? "Y" : `step ${index + 1}`],
  }));
  /** @type {Model["feeds"]} */
  const feeds = { X: { type: "float32", shape: [rows, inFeatures], elements: input } };
  /** @type {Value} */
  const output = { name: "Y", type: "float32", shape: [rows, outFeatures] };
  return { bytes: encodeModel({ inputs: valuesOf(feeds), constants, nodes, outputs: [output] }), feeds };
}
