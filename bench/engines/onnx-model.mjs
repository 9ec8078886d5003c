// ONNX models of a few operators, encoded by hand: the field numbers are those of
// https://github.com/onnx/onnx/blob/main/onnx/onnx.proto, the encoding is https://protobuf.dev/programming-guides/encoding.

/** Of ONNX's own operators; 23 is the first that has Attention. */
const OPSET = 23;
const IR_VERSION = 11;
const MICROSOFT = "com.microsoft";
const MICROSOFT_OPSET = 1;

const elementTypes = { float32: 1, bool: 9 };
const ATTRIBUTE_TYPE_FLOAT = 1;
const ATTRIBUTE_TYPE_INT = 2;

/**
 * @typedef {object} TensorInfo
 * @property {string} name
 * @property {"float32" | "bool"} dtype
 * @property {readonly number[]} shape
 */

/** @typedef {TensorInfo & { elements: Float32Array | Uint8Array }} NamedTensor */

/**
 * @typedef {object} OnnxNode
 * @property {string} operator
 * @property {typeof MICROSOFT} [domain] where it isn't ONNX's own
 * @property {readonly string[]} inputs names; an empty one is an input left out
 * @property {readonly string[]} outputs
 * @property {Readonly<Record<string, number | Float32Array>>} [attributes] integers, and floats as arrays of one
 */

/** @param {readonly Uint8Array[]} parts */
function concatenate(parts) {
  const all = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let end = 0;
  for (const part of parts) {
    all.set(part, end);
    end += part.length;
  }
  return all;
}

/**
 * @param {number} value
 * @returns {number[]}
 */
const variableLength = (value) =>
  value < 128 ? [value] : [(value % 128) + 128, ...variableLength(Math.floor(value / 128))];

/** @param {number} field @param {number} value */
const integer = (field, value) => Uint8Array.from([...variableLength(field * 8), ...variableLength(value)]);

/** @param {number} field @param {Float32Array} value of one element; the machine is little-endian, as the format */
const float = (field, value) =>
  Uint8Array.from([...variableLength(field * 8 + 5), ...new Uint8Array(value.buffer, value.byteOffset, 4)]);

/** @param {number} field @param {...Uint8Array} parts */
function message(field, ...parts) {
  const content = concatenate(parts);
  return concatenate([Uint8Array.from([...variableLength(field * 8 + 2), ...variableLength(content.length)]), content]);
}

/** @param {number} field @param {string} value */
const text = (field, value) => message(field, new TextEncoder().encode(value));

/** A ValueInfoProto. @param {TensorInfo} tensor */
function encodeInfo({ name, dtype, shape }) {
  const dimensions = shape.map((size) => message(1, integer(1, size)));
  const tensorType = message(1, integer(1, elementTypes[dtype]), message(2, ...dimensions));
  return concatenate([text(1, name), message(2, tensorType)]);
}

/** A TensorProto. @param {NamedTensor} tensor */
function encodeTensor({ name, dtype, shape, elements }) {
  const bytes = new Uint8Array(elements.buffer, elements.byteOffset, elements.byteLength);
  return concatenate([
    ...shape.map((size) => integer(1, size)),
    integer(2, elementTypes[dtype]),
    text(8, name),
    message(9, bytes),
  ]);
}

/** A NodeProto. @param {OnnxNode} node */
function encodeNode({ operator, domain, inputs, outputs, attributes = {} }) {
  return concatenate([
    ...inputs.map((name) => text(1, name)),
    ...outputs.map((name) => text(2, name)),
    text(4, operator),
    ...Object.entries(attributes).map(([name, value]) =>
      typeof value === "number"
        ? message(5, text(1, name), integer(3, value), integer(20, ATTRIBUTE_TYPE_INT))
        : message(5, text(1, name), float(2, value), integer(20, ATTRIBUTE_TYPE_FLOAT)),
    ),
    ...(domain === undefined ? [] : [text(7, domain)]),
  ]);
}

/**
 * @param {object} graph
 * @param {readonly OnnxNode[]} graph.nodes
 * @param {readonly TensorInfo[]} graph.inputs
 * @param {readonly TensorInfo[]} graph.outputs
 * @param {readonly NamedTensor[]} [graph.initializers] constants, which a runtime may prepare once
 */
export function encodeModel({ nodes, inputs, outputs, initializers = [] }) {
  const graph = [
    ...nodes.map((node) => message(1, encodeNode(node))),
    text(2, "benchmark"),
    ...initializers.map((tensor) => message(5, encodeTensor(tensor))),
    ...inputs.map((tensor) => message(11, encodeInfo(tensor))),
    ...outputs.map((tensor) => message(12, encodeInfo(tensor))),
  ];
  return concatenate([
    integer(1, IR_VERSION),
    message(7, ...graph),
    message(8, integer(2, OPSET)),
    message(8, text(1, MICROSOFT), integer(2, MICROSOFT_OPSET)),
  ]);
}
