import fc from "fast-check";
import { maskedMean, type MaskLike, randn, Tensor } from "../../../ts/entry/default.js";
import * as oracle from "../../oracle/masked-mean.js";
import { type ErrorBound, evaluate } from "../error-bound.js";
import type { GradientTrial } from "../gradient.js";
import { dataSeeds, floatTypes, given, layerSizes, operandOf, randomOperand } from "../layer-operands.js";
import { floats, type OperationRecord, type Trial, wrongDTypes } from "../operation.js";

const bound: ErrorBound = [["2^-24", "(n + 3) · Σ |mask · input| / d"]];

const recipes = fc
  .record({
    dtype: floatTypes,
    batch: fc.constantFrom(0, 1, 2, 3),
    length: layerSizes,
    columns: layerSizes,
    maskType: fc.constantFrom("bool" as const, "float32" as const, "float16" as const, "bfloat16" as const),
    /** None, half and all of the tokens. */
    below: fc.constantFrom(-9, 0, 9),
    isTensor: fc.boolean(),
    dataSeed: dataSeeds,
  })
  .filter(({ batch, length, columns }) => batch * length * columns < 40_000)
  .map(({ dtype, batch, length, columns, maskType, below, isTensor, dataSeed }) => {
    const drawn = randomOperand(dataSeed + 1, "float32", [batch, length]).values;
    const isSeen = randomOperand(dataSeed + 2, "float32", [batch, length]).values.map((x) => Number(x < below));
    const numbers = isSeen.map((flag, at) => flag * (maskType === "bool" ? 1 : Math.abs(drawn[at])));
    const weights = operandOf(maskType === "bool" ? "float32" : maskType, [batch, length], numbers);
    const flags = { data: Uint8Array.from(isSeen), shape: [batch, length] };
    const mask = (): MaskLike =>
      maskType !== "bool" ? given(weights, isTensor) : isTensor ? Tensor.from(flags) : flags;
    return {
      sizes: [batch, length, columns] as const,
      input: randomOperand(dataSeed, dtype, [batch, length, columns]),
      mask,
      weights: weights.values,
      isTensor,
    };
  });

const trials: fc.Arbitrary<Trial> = recipes.map(({ sizes, input, mask, weights, isTensor }) => {
  const [batch, length, columns] = sizes;
  const sums = oracle.maskedMean(input.values.map(Math.abs), weights, sizes);
  return {
    run: () => maskedMean(given(input, isTensor), mask()),
    dtype: input.dtype,
    shape: [batch, columns],
    expected: oracle.maskedMean(input.values, weights, sizes),
    tolerance: (index) => evaluate(bound, { "(n + 3) · Σ |mask · input| / d": (length + 3) * sums[index] }),
  };
});

const gradientTrials: fc.Arbitrary<GradientTrial> = recipes.map(({ sizes, input, mask, weights }) => ({
  operands: { input },
  run: (tensors) => maskedMean(tensors.input, mask()),
  forward: (values) => oracle.maskedMean(values.input, weights, sizes),
  gradients: (dy) => ({ input: oracle.maskedMeanGradient(dy, weights, sizes) }),
  // The share is rounded, and its product.
  tolerance: (dy) => {
    const gradient = oracle.maskedMeanGradient(dy, weights, sizes);
    return (_, index) => 2 ** -23 * Math.abs(gradient[index]);
  },
}));

const good = floats(2, 3, 4);
const mask = [
  [true, true, false],
  [true, false, false],
];
const large = randomOperand(1, "float16", [2, 60, 64]);

export const maskedMeanRecord: OperationRecord = {
  name: "maskedMean",
  family: "masked-mean",
  computes: "Σ mask · input / max(Σ mask, 1e-9) over the tokens that a mask lets through",
  error: { maskedMean: bound },
  property: { trials, numRuns: 150 },
  gradient: { trials: gradientTrials, numRuns: 80 },
  // prettier-ignore
  refusals: [
    ...wrongDTypes("maskedMean", "input", (input) => maskedMean(input, mask)),
    ["an input of rank 2", () => maskedMean(floats(2, 3), mask), RangeError, "ERR_SHAPE", /^maskedMean: input: .*\[B, L, E\].*got \[2, 3\]/],
    ["a mask of other tokens", () => maskedMean(good, [[1, 1], [1, 0]]), RangeError, "ERR_SHAPE", /^maskedMean: mask: .*\[2, 3\].*got \[2, 2\]/],
    ["a mask of rank 3", () => maskedMean(good, floats(2, 3, 1)), RangeError, "ERR_SHAPE", /^maskedMean: mask: .*got \[2, 3, 1\]/],
    ["no mask", () => maskedMean(good, undefined as never), TypeError, "ERR_INVALID_TYPE", /^maskedMean: mask: .*got undefined/],
    ["an int32 mask", () => maskedMean(good, { data: new Int32Array(6), shape: [2, 3] }), TypeError, "ERR_INVALID_TYPE", /^maskedMean: mask: .*"int32"/],
    ["numbers of tokens", () => maskedMean(good, [[2, 1, 0], [1, 1, 1]]), RangeError, "ERR_INVALID_VALUE", /^maskedMean: mask, element 0: .*got 2/],
  ],
  call: () => [maskedMean(good, mask)],
  memory: { maskedMean: () => [maskedMean(large, { data: new Uint8Array(120).fill(1), shape: [2, 60] })] },
  typical: () => {
    const input = randn([8, 512, 384], { seed: 1 });
    const ones = Tensor.from(new Uint8Array(8 * 512).fill(1), [8, 512]);
    return { size: "[8, 512, 384]", run: () => maskedMean(input, ones), bytes: 4 * 8 * 512 * 384 };
  },
  mixture: (n) => [maskedMean(floats(2, n, 5), { data: new Uint8Array(2 * n).fill(1), shape: [2, n] })],
  bits: {
    cases: [
      {
        name: "maskedMean: a float mask",
        seed: 84,
        amplitude: 3,
        sizes: { rows: 23, columns: 19 },
      },
    ],
    run: ({ sizes: { rows, columns } }, inputs) => [
      maskedMean(inputs.tensor("input", [1, rows, columns]), inputs.tensor("other", [1, rows])),
    ],
  },
};
