import fc from "fast-check";
import { conv1d, type Conv1dOptions, randn, type Tensor } from "../../../ts/entry/default.js";
import * as oracle from "../../oracle/convolution.js";
import { type ErrorBound, evaluate } from "../error-bound.js";
import type { ByOperand, GradientTrial } from "../gradient.js";
import { dataSeeds, floatTypes, given, type LayerOperand, randomOperand } from "../layer-operands.js";
import { floats, type OperationRecord, type Trial, wrongDTypes } from "../operation.js";

const bound: ErrorBound = [["2^-24", "(n + 1) · (Σ |input · weight| + |bias|)"]];

/** On and beside the tiles of 4 or 6 rows, panels of 8 outputs and blocks of 96 and 256. */
const lengths = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 0, max: 20 }) },
  { weight: 1, arbitrary: fc.constantFrom(95, 96, 97, 103, 255, 300) },
);

interface Recipe {
  readonly sizes: oracle.ConvolutionSizes;
  readonly options: Conv1dOptions;
  readonly isBatched: boolean;
  readonly input: LayerOperand;
  readonly weight: LayerOperand;
  readonly bias: LayerOperand | undefined;
  readonly isTensor: boolean;
  /** Products in an output. */
  readonly depth: number;
}

const recipes: fc.Arbitrary<Recipe> = fc
  .record({
    dtypes: fc.tuple(floatTypes, floatTypes, floatTypes),
    batch: fc.constantFrom(0, 1, 1, 2, 3),
    length: lengths,
    groups: fc.constantFrom(1, 1, 1, 2, 3),
    groupChannels: fc.constantFrom(0, 1, 1, 2, 3, 5),
    groupOutputs: fc.constantFrom(0, 1, 1, 2, 3, 4, 5, 6, 7, 13),
    kernelSize: fc.integer({ min: 1, max: 5 }),
    stride: fc.constantFrom(1, 1, 1, 2, 3),
    padding: fc.constantFrom(0, 1, 2, 9),
    dilation: fc.constantFrom(1, 1, 2, 3),
    isBatched: fc.boolean(),
    hasBias: fc.boolean(),
    isTensor: fc.boolean(),
    dataSeed: dataSeeds,
  })
  .map(({ dtypes, isBatched, hasBias, isTensor, dataSeed, groupChannels, groupOutputs, ...drawn }) => {
    const { groups, length, kernelSize, stride, padding, dilation } = drawn;
    const batch = isBatched ? drawn.batch : 1;
    const [channels, outChannels] = [groups * groupChannels, groups * groupOutputs];
    const shape = isBatched ? [batch, channels, length] : [channels, length];
    return {
      sizes: { batch, channels, length, outChannels, kernelSize, stride, padding, dilation, groups },
      options: { stride, padding, dilation, groups },
      isBatched,
      input: randomOperand(dataSeed, dtypes[0], shape),
      weight: randomOperand(dataSeed + 1, dtypes[1], [outChannels, groupChannels, kernelSize]),
      bias: hasBias ? randomOperand(dataSeed + 2, dtypes[2], [outChannels]) : undefined,
      isTensor,
      depth: groupChannels * kernelSize,
    };
  })
  .filter(({ sizes }) => oracle.outputLength(sizes) > 0);

const absolute = (operand: LayerOperand): Float64Array => operand.values.map(Math.abs);

const trials: fc.Arbitrary<Trial> = recipes.map(
  ({ sizes, options, isBatched, input, weight, bias, isTensor, depth }) => {
    const sums = oracle.conv1d(absolute(input), absolute(weight), bias && absolute(bias), sizes);
    const { batch, outChannels } = sizes;
    return {
      run: () => conv1d(given(input, isTensor), given(weight, isTensor), bias && given(bias, isTensor), options),
      dtype: input.dtype,
      shape: [...(isBatched ? [batch] : []), outChannels, oracle.outputLength(sizes)],
      expected: oracle.conv1d(input.values, weight.values, bias?.values, sizes),
      tolerance: (index) => evaluate(bound, { "(n + 1) · (Σ |input · weight| + |bias|)": (depth + 1) * sums[index] }),
    };
  },
);

const gradientTrials: fc.Arbitrary<GradientTrial> = recipes.map(({ sizes, options, input, weight, bias }) => {
  const outputs = sizes.batch * oracle.outputLength(sizes);
  const products: ByOperand<number> = {
    input: (sizes.outChannels / sizes.groups) * sizes.kernelSize,
    weight: outputs,
    bias: outputs,
  };
  const run = ({ input, weight, bias }: ByOperand<Tensor>): Tensor => conv1d(input, weight, bias, options);
  const operands: ByOperand<LayerOperand> = { input, weight, ...(bias && { bias }) };
  /** Without the bias where there is none. */
  const pick = <T>({ bias: last, ...others }: ByOperand<T>): ByOperand<T> =>
    bias === undefined ? others : { ...others, bias: last };
  return {
    operands,
    run,
    forward: (values) => oracle.conv1d(values.input, values.weight, values.bias, sizes),
    gradients: (dy) => pick(oracle.conv1dGradients(dy, input.values, weight.values, sizes)),
    tolerance: (dy) => {
      const sums = pick(oracle.conv1dGradients(dy.map(Math.abs), absolute(input), absolute(weight), sizes));
      return (operand, index) => 2 ** -24 * (products[operand] + 2) * sums[operand][index];
    },
  };
});

const [input, weight] = [floats(2, 4, 9), floats(6, 4, 3)];
const large = randomOperand(1, "float16", [2, 16, 120]);
const kernels = randomOperand(2, "bfloat16", [24, 16, 3]);

export const convolutionRecord: OperationRecord = {
  name: "conv1d",
  family: "convolution",
  computes: "convolution along the last axis, with stride, padding, dilation and groups",
  error: { conv1d: bound },
  property: { trials, numRuns: 150 },
  gradient: { trials: gradientTrials, numRuns: 100 },
  // prettier-ignore
  refusals: [
    ...wrongDTypes("conv1d", "input", (x) => conv1d(x, weight)),
    ...wrongDTypes("conv1d", "weight", (w) => conv1d(input, w)),
    ...wrongDTypes("conv1d", "bias", (b) => conv1d(input, weight, b)),
    ["an input of rank 1", () => conv1d(floats(9), weight), RangeError, "ERR_SHAPE", /^conv1d: input: .*\[B, C, L\] or \[C, L\].*got \[9\]/],
    ["an input of rank 4", () => conv1d(floats(1, 2, 4, 9), weight), RangeError, "ERR_SHAPE", /^conv1d: input: .*got \[1, 2, 4, 9\]/],
    ["a weight of rank 2", () => conv1d(input, floats(6, 4)), RangeError, "ERR_SHAPE", /^conv1d: weight: .*\[O, C \/ groups, K\].*got \[6, 4\]/],
    ["an empty kernel", () => conv1d(input, floats(6, 4, 0)), RangeError, "ERR_SHAPE", /^conv1d: weight: .*K at least 1.*got \[6, 4, 0\]/],
    ["other channels", () => conv1d(input, floats(6, 3, 3)), RangeError, "ERR_SHAPE", /^conv1d: input: .*3 channels.*got \[2, 4, 9\]/],
    ["channels of all groups", () => conv1d(input, weight, undefined, { groups: 2 }), RangeError, "ERR_SHAPE", /^conv1d: input: .*8 channels, the weight's of 2 groups.*got \[2, 4, 9\]/],
    ["groups that don't divide the outputs", () => conv1d(input, floats(6, 1, 3), undefined, { groups: 4 }), RangeError, "ERR_INVALID_VALUE", /^conv1d: groups: .*divisor of the weight's 6 output channels, got 4/],
    ["a bias of another size", () => conv1d(input, weight, floats(4)), RangeError, "ERR_SHAPE", /^conv1d: bias: .*\[6\].*got \[4\]/],
    ["a kernel over the input", () => conv1d(input, weight, undefined, { dilation: 6, padding: 1 }), RangeError, "ERR_SHAPE", /^conv1d: input: .*length of at least 11.*got \[2, 4, 9\]/],
    ["a stride of 0", () => conv1d(input, weight, undefined, { stride: 0 }), RangeError, "ERR_INVALID_VALUE", /^conv1d: stride: .*got 0/],
    ["a fractional dilation", () => conv1d(input, weight, undefined, { dilation: 1.5 }), RangeError, "ERR_INVALID_VALUE", /^conv1d: dilation: .*got 1.5/],
    ["a negative padding", () => conv1d(input, weight, undefined, { padding: -1 }), RangeError, "ERR_INVALID_VALUE", /^conv1d: padding: .*got -1/],
    ["a padding that 32 bits don't hold", () => conv1d(input, weight, undefined, { padding: 2 ** 30 }), RangeError, "ERR_INVALID_VALUE", /^conv1d: padding: .*got 1073741824/],
    ["PyTorch's padding by name", () => conv1d(input, weight, undefined, { padding: "same" as never }), TypeError, "ERR_INVALID_TYPE", /^conv1d: padding: .*got "same"/],
    ["no groups", () => conv1d(input, weight, undefined, { groups: 0 }), RangeError, "ERR_INVALID_VALUE", /^conv1d: groups: .*got 0/],
    ["an unknown option", () => conv1d(input, weight, undefined, { strides: 2 } as never), TypeError, "ERR_INVALID_TYPE", /^conv1d: options: .*"strides"; did you mean stride/],
    ["options in the bias's place", () => conv1d(input, weight, { stride: 2 } as never), TypeError, "ERR_INVALID_TYPE", /^conv1d: bias: /],
    ["a result over the memory", () => conv1d(input, weight, undefined, { padding: 2 ** 29 }), RangeError, "ERR_OUT_OF_MEMORY", /^conv1d: out of memory/],
  ],
  call: () => [conv1d(input, weight, floats(6))],
  memory: {
    conv1d: () => [
      conv1d(large, kernels, { data: new Uint16Array(24), shape: [24], dtype: "float16" }, { padding: 1 }),
    ],
  },
  typical: () => {
    const [x, w] = [randn([1, 80, 3000], { seed: 1 }), randn([384, 80, 3], { seed: 2 })];
    const bytes = 4 * (80 * 3000 + 384 * 240 + 384 * 3000);
    return { size: "[1, 80, 3000] · [384, 80, 3]", run: () => conv1d(x, w, undefined, { padding: 1 }), bytes };
  },
  mixture: (n) => {
    const x = randn([2, 6, n], { dtype: n % 2 === 0 ? "float32" : "float16" });
    return [x, conv1d(x, floats(9, 2, 3), undefined, { groups: 3, padding: 1, stride: 1 + (n % 3) })];
  },
  bits: {
    cases: [
      {
        name: "conv1d: padding and bias",
        seed: 80,
        amplitude: 1,
        sizes: { rows: 7, columns: 103, outFeatures: 15, kernelSize: 3 },
        options: { padding: 1, bias: true },
      },
      {
        name: "conv1d: stride, dilation and groups",
        seed: 81,
        amplitude: 1,
        sizes: { rows: 12, columns: 61, outFeatures: 14, kernelSize: 4 },
        options: { stride: 2, dilation: 3, padding: 4, groups: 2 },
      },
      {
        name: "conv1d: bfloat16",
        seed: 82,
        amplitude: 1,
        dtype: "bfloat16",
        sizes: { rows: 5, columns: 20, outFeatures: 9, kernelSize: 2 },
      },
    ],
    run: ({ sizes: { rows, outFeatures, kernelSize }, options }, inputs) => {
      const { stride, padding, dilation, groups }: Conv1dOptions = options ?? {};
      const w = inputs.tensor("weight", [outFeatures, rows / (groups ?? 1), kernelSize]);
      const b = inputs.parameter("bias", [outFeatures]);
      return [conv1d(inputs.matrix("input"), w, b, { stride, padding, dilation, groups })];
    },
  },
};
