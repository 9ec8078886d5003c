import {
  randn,
  scaledDotProductAttention,
  type ScaledDotProductAttentionOptions,
  Tensor,
  type TensorData,
} from "../../../ts/entry/default.js";
import { backward } from "../../../ts/entry/train.js";
import { floats, type OperationRecord } from "../operation.js";
import { attentionBits } from "./attention-bits.js";

const shapeIn = (layout: string, batch: number, heads: number, rows: number, size: number): number[] => {
  if (layout === "BLHD") return [batch, rows, heads, size];
  return layout === "LBHD" ? [rows, batch, heads, size] : [batch, heads, rows, size];
};

/** An operand as a tensor that requires gradients, with its name. */
function leafOf([name, operand]: [string, unknown]): [string, Tensor][] {
  if (operand === undefined) return [];
  const tensor = Tensor.from(operand as TensorData);
  tensor.requiresGrad = tensor.dtype !== "bool";
  return [[name, tensor]];
}

export const attentionRecord: OperationRecord = {
  name: "scaledDotProductAttention",
  family: "attention/scaled-dot-product-attention",
  computes: "softmax(scale · query · keyᵀ + masks) · value",
  error: "[semantics.md, 8.2](semantics.md#8-dtypes-and-error)",
  property: { suite: "ops/attention/properties" },
  gradient: { suite: "train/attention-gradients" },
  refusals: { suite: "ops/attention/bad-input" },
  call: () => [scaledDotProductAttention(floats(2, 3, 4), floats(2, 5, 4), floats(2, 5, 6)).output],
  memory: {
    "scaledDotProductAttention in 16 bits, with all that it returns": () => {
      const x = randn([2, 2, 40, 32], { dtype: "float16", seed: 1 });
      try {
        const results = scaledDotProductAttention(x, x, x, {
          attnMask: floats(40, 80),
          pastKey: x,
          pastValue: x,
          needLogSumExp: true,
          needWeights: true,
        });
        return Object.values(results) as Tensor[];
      } finally {
        x.dispose();
      }
    },
  },
  mixture: (n) => {
    const [query, key] = [randn([1, 2, n, 8]), randn([1, 1, n + 3, 8])];
    const x = { data: new Float32Array(4 * n), shape: [n, 4] };
    const results = scaledDotProductAttention(x, x, x, {
      attnMask: { data: new Uint8Array(2 * n).fill(1), shape: [2 * n] },
      pastKey: x,
      pastValue: x,
      sinks: [0.5],
      alibiSlopes: [0.25],
      dropoutP: 0.5,
      seed: n,
      needLogSumExp: true,
      needWeights: { averageHeads: true },
    });
    const half = randn([1, n, 1, 8], { dtype: "float16" });
    return [
      query,
      key,
      half,
      scaledDotProductAttention(query, key, key, { isCausal: n % 2 === 0 }).output,
      ...(Object.values(results) as Tensor[]),
      scaledDotProductAttention(half, half, half, { layout: "BLHD" }).output,
    ];
  },
  bits: {
    cases: attentionBits,
    run: ({ sizes, valueDtype = "float32", options = {}, cotangents }, inputs) => {
      const { batch, heads, keyHeads, queries, keys, past, size, valueSize } = sizes;
      const { alibiSlopes, sinks, ...constants } = options as ScaledDotProductAttentionOptions;
      const shape = (ofHeads: number, rows: number, ofSize: number): number[] =>
        shapeIn(constants.layout ?? "BHLD", batch, ofHeads, rows, ofSize);
      const operands = {
        query: inputs.tensor("query", shape(heads, queries, size)),
        key: inputs.tensor("key", shape(keyHeads, keys, size)),
        value: inputs.tensor("value", shape(keyHeads, keys, valueSize), valueDtype),
        ...(past !== undefined && {
          pastKey: inputs.tensor("pastKey", shape(keyHeads, past, size)),
          pastValue: inputs.tensor("pastValue", shape(keyHeads, past, valueSize), valueDtype),
        }),
        attnMask: inputs.mask(),
        alibiSlopes,
        sinks,
      };
      const leaves = cotangents && Object.entries(operands).flatMap(leafOf);
      const { query, key, value, ...given } = { ...operands, ...Object.fromEntries(leaves ?? []) };
      const results = scaledDotProductAttention(query, key, value, { ...constants, ...given, needLogSumExp: true });
      if (cotangents && leaves) {
        const outputs = cotangents.map((name) => results[name] as Tensor);
        const shapes = outputs.map((result) => result.shape);
        backward(
          outputs,
          cotangents.map((name, index) => Tensor.from(inputs.tensor(name, shapes[index], "float32"))),
        );
        return leaves.flatMap(([, { grad }]) => grad ?? []);
      }
      const { output, logSumExp, weights, presentKey, presentValue } = results;
      return [output, logSumExp, weights, presentKey, presentValue].filter((tensor) => tensor !== undefined);
    },
  },
};
