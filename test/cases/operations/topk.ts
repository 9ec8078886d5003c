import fc from "fast-check";
import { argmax, randn, type Tensor, topk } from "../../../ts/entry/default.js";
import * as oracle from "../../oracle/topk.js";
import type { GradientTrial } from "../gradient.js";
import { count, dataSeeds, floatTypes, given, layerSizes, leadingAxes, randomOperand } from "../layer-operands.js";
import { floats, type OperationRecord, type Trial, wrongDTypes } from "../operation.js";

const recipes = fc
  .record({
    dtype: floatTypes,
    leading: leadingAxes,
    size: layerSizes,
    trailing: leadingAxes,
    fromEnd: fc.boolean(),
    part: fc.constantFrom(0, 0.01, 0.3, 1),
    isTensor: fc.boolean(),
    dataSeed: dataSeeds,
  })
  .map(({ dtype, leading, size, trailing, fromEnd, part, isTensor, dataSeed }) => ({
    // 16 bits have equal elements among these.
    input: randomOperand(dataSeed, dtype, [...leading, size, ...trailing]),
    sizes: [count(leading), size, count(trailing)] as const,
    axis: fromEnd ? -1 - trailing.length : leading.length,
    k: Math.ceil(part * size),
    withSize: (k: number): number[] => [...leading, k, ...trailing],
    without: [...leading, ...trailing],
    isTensor,
  }));

const valueTrials: fc.Arbitrary<Trial> = recipes.map(({ input, sizes, axis, k, withSize, isTensor }) => ({
  run: () => topk(given(input, isTensor), k, { axis }).values,
  dtype: input.dtype,
  shape: withSize(k),
  expected: Float64Array.from(oracle.places(input.values, sizes, k), (place) => input.values[place]),
  tolerance: () => 0,
}));

/** The indices as float32, which holds them exactly. */
const argmaxTrials: fc.Arbitrary<Trial> = recipes
  .filter(({ sizes }) => sizes[1] > 0)
  .chain((recipe) => fc.boolean().map((keepDims) => ({ ...recipe, keepDims })))
  .map(({ input, sizes, axis, withSize, without, isTensor, keepDims }) => ({
    run: () => argmax(given(input, isTensor), { axis, keepDims }).to("float32"),
    dtype: "float32",
    shape: keepDims ? withSize(1) : without,
    expected: Float64Array.from(oracle.places(input.values, sizes, 1), (place) => oracle.indexOf(place, sizes)),
    tolerance: () => 0,
  }));

const gradientTrials: fc.Arbitrary<GradientTrial> = recipes.map(({ input, sizes, axis, k }) => {
  const places = oracle.places(input.values, sizes, k);
  return {
    operands: { input },
    run: (tensors) => topk(tensors.input, k, { axis }).values,
    // Which ones are chosen changes where elements are equal, or nearly.
    forward: (values) => Float64Array.from(places, (place) => values.input[place]),
    gradients: (dy) => {
      const gradient = new Float64Array(input.values.length);
      places.forEach((place, at) => (gradient[place] += dy[at]));
      return { input: gradient };
    },
    tolerance: () => () => 0,
  };
});

const good = floats(2, 3);
const large = randomOperand(1, "float16", [2, 4, 30, 32]);

export const topkRecords: readonly OperationRecord[] = [
  {
    name: "argmax",
    family: "topk",
    computes: "where along an axis the largest element stands",
    error: "none: integers",
    property: { trials: argmaxTrials, numRuns: 150 },
    gradient: { none: "indices are integers" },
    // prettier-ignore
    refusals: [
      ...wrongDTypes("argmax", "input", (input) => argmax(input)),
      ["an axis of two", () => argmax(good, { axis: 2 }), RangeError, "ERR_INVALID_VALUE", /^argmax: axis: .*from -2 to 1, got 2/],
      ["an axis of nothing", () => argmax(floats(2, 0)), RangeError, "ERR_SHAPE", /^argmax: input: .*at least one element along axis 1.*got \[2, 0\]/],
      ["a number for keepDims", () => argmax(good, { keepDims: 1 as never }), TypeError, "ERR_INVALID_TYPE", /^argmax: keepDims: .*got 1/],
      ["PyTorch's name of the axis", () => argmax(good, { dim: 1 } as never), TypeError, "ERR_INVALID_TYPE", /^argmax: options: .*"dim"/],
    ],
    call: () => [argmax(good)],
    memory: { argmax: () => [argmax(large, { axis: 1 })] },
    typical: () => {
      const input = randn([16, 50_257], { seed: 1 });
      return { size: "[16, 50257]", run: () => argmax(input), bytes: 4 * 16 * 50_257 };
    },
    mixture: (n) => [argmax(floats(n, 6)), argmax(floats(2, n, 3), { axis: 1, keepDims: true })],
    bits: { none: "integers, which the property compares exactly" },
  },
  {
    name: "topk",
    family: "topk",
    computes: "the k largest elements along an axis, and where they stand",
    error: "none: elements as they are",
    property: { trials: valueTrials, numRuns: 150 },
    gradient: { trials: gradientTrials, numRuns: 80 },
    // prettier-ignore
    refusals: [
      ...wrongDTypes("topk", "input", (input) => topk(input, 1)),
      ["a k over the axis", () => topk(good, 4), RangeError, "ERR_INVALID_VALUE", /^topk: k: .*from 0 to 3, got 4/],
      ["a negative k", () => topk(good, -1), RangeError, "ERR_INVALID_VALUE", /^topk: k: .*got -1/],
      ["nothing of a single number", () => topk({ data: [1], shape: [] }, 0), RangeError, "ERR_INVALID_VALUE", /^topk: k: .*from 1 to 1, got 0/],
      ["a fractional k", () => topk(good, 1.5), RangeError, "ERR_INVALID_VALUE", /^topk: k: .*got 1.5/],
      ["no k", () => topk(good, undefined as never), TypeError, "ERR_INVALID_TYPE", /^topk: k: .*got undefined/],
      ["an axis of two", () => topk(good, 1, { axis: -3 }), RangeError, "ERR_INVALID_VALUE", /^topk: axis: .*from -2 to 1, got -3/],
      ["PyTorch's largest", () => topk(good, 1, { largest: false } as never), TypeError, "ERR_INVALID_TYPE", /^topk: options: .*"largest"/],
    ],
    call: () => Object.values(topk(good, 2)) as Tensor[],
    memory: { topk: () => Object.values(topk(large, 9)) as Tensor[] },
    typical: () => {
      const input = randn([16, 50_257], { seed: 1 });
      const run = (): Tensor => {
        const { values, indices } = topk(input, 50);
        indices.dispose();
        return values;
      };
      return { size: "50 of [16, 50257]", run, bytes: 4 * 16 * 50_257 };
    },
    mixture: (n) => Object.values(topk(floats(3, n), n)) as Tensor[],
    bits: { none: "it copies" },
  },
];
