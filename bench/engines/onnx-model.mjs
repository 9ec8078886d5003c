// An ONNX model that is a single Attention operator of opset 23, encoded by hand: the field numbers are those of
// https://github.com/onnx/onnx/blob/main/onnx/onnx.proto, the encoding is https://protobuf.dev/programming-guides/encoding.

const IR_VERSION = 11;
const OPSET = 23;
const ELEMENT_TYPE_FLOAT = 1;
const ATTRIBUTE_TYPE_INT = 2;

/**
 * @param {number} value
 * @returns {number[]}
 */
const variableLength = (value) => (value < 128 ? [value] : [(value % 128) + 128, ...variableLength(value >> 7)]);

/** @param {number} field @param {number} value */
const integer = (field, value) => [...variableLength(field * 8), ...variableLength(value)];

/** @param {number} field @param {ArrayLike<number>} bytes */
const message = (field, bytes) => [
  ...variableLength(field * 8 + 2),
  ...variableLength(bytes.length),
  ...Array.from(bytes),
];

/** @param {number} field @param {string} value */
const text = (field, value) => message(field, Buffer.from(value));

/** A ValueInfoProto: a float32 tensor. @param {string} name @param {number[]} shape */
function tensorInfo(name, shape) {
  const dimensions = shape.flatMap((size) => message(1, integer(1, size)));
  const tensorType = [...integer(1, ELEMENT_TYPE_FLOAT), ...message(2, dimensions)];
  return [...text(1, name), ...message(2, message(1, tensorType))];
}

/**
 * Y = Attention(Q, K, V), with Q and Y [B, H, L, D], K and V [B, H, S, D].
 * @param {import("../cases.mjs").AttentionCase} attentionCase
 */
export function encodeAttentionModel({ batch, heads, queryLength, keyLength, headSize, isCausal }) {
  const queryShape = [batch, heads, queryLength, headSize];
  const keyShape = [batch, heads, keyLength, headSize];
  const attribute = [...text(1, "is_causal"), ...integer(3, Number(isCausal)), ...integer(20, ATTRIBUTE_TYPE_INT)];
  const node = [...text(1, "Q"), ...text(1, "K"), ...text(1, "V"), ...text(2, "Y"), ...text(4, "Attention")];
  const graph = [
    ...message(1, [...node, ...message(5, attribute)]),
    ...text(2, "attention"),
    ...message(11, tensorInfo("Q", queryShape)),
    ...message(11, tensorInfo("K", keyShape)),
    ...message(11, tensorInfo("V", keyShape)),
    ...message(12, tensorInfo("Y", queryShape)),
  ];
  return Uint8Array.from([...integer(1, IR_VERSION), ...message(7, graph), ...message(8, integer(2, OPSET))]);
}
