/** The function and the layer. */
import fc from "fast-check";
import { Linear, linear, rand, randn, Tensor } from "../../../ts/entry/default.js";
import * as oracle from "../../oracle/linear.js";
import { type ErrorBound, evaluate } from "../error-bound.js";
import type { GradientTrial } from "../gradient.js";
import { count, dataSeeds, floatTypes, given, layerSizes, leadingAxes, randomOperand } from "../layer-operands.js";
import { floats, type OperationRecord, type Trial, wrongDTypes } from "../operation.js";

const bound: ErrorBound = [["2^-24", "(n + 1) · (Σ |input · weight| + |bias|)"]];

/** Sizes and dtypes of a call. */
const calls = fc
  .record({
    dtypes: fc.tuple(floatTypes, floatTypes, floatTypes),
    leading: fc.oneof(
      leadingAxes,
      layerSizes.map((rows) => [rows]),
    ),
    inFeatures: layerSizes,
    outFeatures: layerSizes,
    hasBias: fc.boolean(),
    isTensor: fc.boolean(),
    dataSeed: dataSeeds,
  })
  .filter(({ leading, inFeatures, outFeatures }) => count(leading) * inFeatures * outFeatures < 300_000);

const trials: fc.Arbitrary<Trial> = calls.map(
  ({ dtypes, leading, inFeatures, outFeatures, hasBias, isTensor, dataSeed }) => {
    const rows = count(leading);
    const input = randomOperand(dataSeed, dtypes[0], [...leading, inFeatures]);
    const weight = randomOperand(dataSeed + 1, dtypes[1], [outFeatures, inFeatures]);
    const bias = hasBias ? randomOperand(dataSeed + 2, dtypes[2], [outFeatures]) : undefined;
    const [x, w, b] = [input, weight, bias].map((operand) => operand?.values.map(Math.abs));
    const sums = oracle.linear(x ?? [], w ?? [], b, rows, inFeatures, outFeatures);
    return {
      run: () => linear(given(input, isTensor), given(weight, isTensor), bias && given(bias, isTensor)),
      dtype: dtypes[0],
      shape: [...leading, outFeatures],
      expected: oracle.linear(input.values, weight.values, bias?.values, rows, inFeatures, outFeatures),
      tolerance: (index) =>
        evaluate(bound, {
          "(n + 1) · (Σ |input · weight| + |bias|)": (inFeatures + 1) * sums[index],
        }),
    };
  },
);

const gradientTrials: fc.Arbitrary<GradientTrial> = calls.map(
  ({ dtypes, leading, inFeatures, outFeatures, hasBias, dataSeed }) => {
    const rows = count(leading);
    const input = randomOperand(dataSeed, dtypes[0], [...leading, inFeatures]);
    const weight = randomOperand(dataSeed + 1, dtypes[1], [outFeatures, inFeatures]);
    const bias = hasBias ? randomOperand(dataSeed + 2, dtypes[2], [outFeatures]) : undefined;
    return {
      operands: { input, weight, ...(bias && { bias }) },
      run: (tensors) => linear(tensors.input, tensors.weight, tensors.bias),
      forward: (values) => oracle.linear(values.input, values.weight, values.bias, rows, inFeatures, outFeatures),
      gradients: (dy) => {
        const all = oracle.linearGradients(dy, input.values, weight.values, rows, inFeatures, outFeatures);
        return hasBias ? all : { input: all.input, weight: all.weight };
      },
      tolerance: (dy) => oracle.linearGradientTolerance(dy, input.values, weight.values, rows, inFeatures, outFeatures),
    };
  },
);

const input = randomOperand(1, "float16", [2, 4, 30, 32]);
const weight = randomOperand(2, "bfloat16", [64, 32]);

export const linearRecords: readonly OperationRecord[] = [
  {
    name: "linear",
    family: "linear",
    computes: "input · weightᵀ + bias",
    error: { linear: bound },
    property: { trials, numRuns: 200 },
    gradient: { trials: gradientTrials, numRuns: 100 },
    // prettier-ignore
    refusals: [
      ...wrongDTypes("linear", "input", (x) => linear(x, floats(3, 4))),
      ...wrongDTypes("linear", "weight", (w) => linear(floats(2, 4), w)),
      ...wrongDTypes("linear", "bias", (b) => linear(floats(2, 4), floats(3, 4), b)),
      ["other inFeatures", () => linear(floats(2, 5), floats(3, 4)), RangeError, "ERR_SHAPE", /^linear: input: .*\[…, 4\].*got \[2, 5\]/],
      ["an input of rank 0", () => linear({ data: [1], shape: [] }, floats(3, 1)), RangeError, "ERR_SHAPE", /input: .*got \[\]/],
      ["a weight of rank 1", () => linear(floats(2, 4), floats(4)), RangeError, "ERR_SHAPE", /weight: .*got \[4\]/],
      ["a weight of rank 3", () => linear(floats(2, 4), floats(1, 3, 4)), RangeError, "ERR_SHAPE", /weight: .*got \[1, 3, 4\]/],
      ["a bias of another size", () => linear(floats(2, 4), floats(3, 4), floats(4)), RangeError, "ERR_SHAPE", /bias: .*\[3\].*\[4\]/],
      ["a bias of rank 2", () => linear(floats(2, 4), floats(3, 4), floats(1, 3)), RangeError, "ERR_SHAPE", /bias: .*got \[1, 3\]/],
      ["null as the bias", () => linear(floats(2, 4), floats(3, 4), null as never), TypeError, "ERR_INVALID_TYPE", /bias: .*got null/],
      ["a result over 2 GiB", () => linear(floats(40_000, 1), floats(40_000, 1)), RangeError, "ERR_OUT_OF_MEMORY", /^linear: out of memory/],
    ],
    call: () => [linear(floats(2, 4), floats(3, 4), floats(3))],
    memory: {
      linear: () => [linear(input, weight, { data: new Uint16Array(64), shape: [64], dtype: "float16" })],
    },
    mixture: (n) => {
      const x = randn([n, 6], { dtype: n % 2 === 0 ? "float32" : "bfloat16" });
      return [x, linear(x, floats(3, 6))];
    },
    bits: {
      cases: [
        {
          name: "linear: one row",
          seed: 52,
          amplitude: 1,
          sizes: { rows: 1, columns: 131, outFeatures: 45 },
          options: { bias: true },
        },
        {
          name: "linear: several rows",
          seed: 53,
          amplitude: 1,
          sizes: { rows: 13, columns: 67, outFeatures: 29 },
          options: { bias: true },
        },
        {
          name: "linear: several blocks of rows, without bias",
          seed: 54,
          amplitude: 1,
          sizes: { rows: 103, columns: 9, outFeatures: 17 },
        },
        {
          name: "linear: bfloat16",
          seed: 55,
          amplitude: 1,
          dtype: "bfloat16",
          sizes: { rows: 7, columns: 33, outFeatures: 10 },
          options: { bias: true },
        },
      ],
      run: ({ sizes: { columns, outFeatures } }, inputs) => [
        linear(
          inputs.matrix("input"),
          inputs.tensor("weight", [outFeatures, columns]),
          inputs.parameter("bias", [outFeatures]),
        ),
      ],
    },
  },
  {
    name: "Linear",
    family: "nn/linear",
    computes: "activation(input · weightᵀ + bias), with parameters of its own",
    error: { linear: bound },
    property: { suite: "nn/linear" },
    gradient: { suite: "train/linear" },
    refusals: { suite: "nn/linear" },
    call: () => {
      const layer = new Linear(4, 3);
      return [layer, layer.forward(floats(2, 4))];
    },
    memory: {
      Linear: () => [new Linear(32, 64, { activation: "gelu" })],
      "Linear.forward": () => {
        const layer = new Linear(32, 64, { activation: "silu" });
        try {
          return [layer.forward(input)];
        } finally {
          layer.dispose();
        }
      },
    },
    mixture: (n) => {
      const layer = new Linear(6, n, { bias: n % 2 === 0, activation: "gelu" });
      const dict = { weight: rand([n, 6], { dtype: "bfloat16" }) };
      layer.loadStateDict(dict, { strict: false });
      return [layer, dict.weight, layer.forward(Tensor.from(floats(n, 6)))];
    },
    bits: {
      cases: [
        {
          name: "Linear: one row, silu, without bias",
          seed: 69,
          amplitude: 1,
          sizes: { rows: 1, columns: 75, outFeatures: 45 },
          options: { bias: false, activation: "silu" },
        },
        {
          name: "Linear: several rows, gelu",
          seed: 70,
          amplitude: 1,
          sizes: { rows: 13, columns: 67, outFeatures: 29 },
          options: { bias: true, activation: "gelu" },
        },
      ],
      run: ({ sizes: { columns, outFeatures }, options }, inputs) => {
        const layer = new Linear(columns, outFeatures, options);
        try {
          const bias = inputs.parameter("bias", [outFeatures]);
          const dict = { weight: inputs.tensor("weight", [outFeatures, columns]) };
          layer.loadStateDict(bias === undefined ? dict : { ...dict, bias });
          return [layer.forward(inputs.matrix("input"))];
        } finally {
          layer.dispose();
        }
      },
    },
  },
];
