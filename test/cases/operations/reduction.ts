/** sum, mean. */
import fc from "fast-check";
import { mean, randn, type ReductionOptions, sum, type Tensor, type TensorLike } from "../../../ts/entry/default.js";
import * as oracle from "../../oracle/reduction.js";
import { type ErrorBound, evaluate } from "../error-bound.js";
import type { GradientTrial } from "../gradient.js";
import { dataSeeds, floatTypes, given, layerSizes, leadingAxes, randomOperand } from "../layer-operands.js";
import { floats, type OperationRecord, type Trial, wrongDTypes } from "../operation.js";

const sumBound: ErrorBound = [["2^-24", "min(n, 256 + n/256) · Σ |input|"]];
const meanBound: ErrorBound = [["2^-24", "(2 + min(n, 256 + n/256)) · mean |input|"], ["2^-149"]];

const depth = (n: number): number => Math.min(n, 256 + n / 256);

interface Form {
  readonly ours: (input: TensorLike, options?: ReductionOptions) => Tensor;
  readonly truth: typeof oracle.sum;
  readonly gradientOf: typeof oracle.gradientOfSum;
  readonly tolerance: (n: number, sizeOfResult: number) => number;
}

/** Shapes, and axes in some order, as callers may name them. */
const recipes = fc
  .record({
    leading: leadingAxes,
    size: fc.oneof({ weight: 4, arbitrary: layerSizes }, { weight: 1, arbitrary: fc.constantFrom(300, 2100) }),
    trailing: fc.array(fc.constantFrom(1, 2, 5, 17), { maxLength: 1 }),
    order: fc.shuffledSubarray([0, 1, 2, 3, 4]),
    fromEnd: fc.boolean(),
    form: fc.constantFrom("all", "one", "array"),
    keepDims: fc.boolean(),
    dtype: floatTypes,
    isTensor: fc.boolean(),
    dataSeed: dataSeeds,
  })
  .map(({ leading, size, trailing, order, fromEnd, form, keepDims, dtype, isTensor, dataSeed }) => {
    const shape = [...leading, size, ...trailing];
    const drawn = order.filter((axis) => axis < shape.length);
    const some = drawn.length === 0 ? [leading.length] : form === "one" ? drawn.slice(0, 1) : drawn;
    const axes = form === "all" ? [...shape.keys()] : some;
    const named = some.map((axis) => (fromEnd ? axis - shape.length : axis));
    const options = { keepDims, ...(form === "all" ? {} : { axis: form === "one" ? named[0] : named }) };
    const kept = oracle.keptShape(shape, axes);
    return {
      shape,
      axes,
      options,
      output: keepDims ? kept : shape.filter((_, axis) => !axes.includes(axis)),
      input: randomOperand(dataSeed, dtype, shape),
      isTensor,
      n: oracle.sumLength(shape, axes),
    };
  });

const trialsOf = ({ ours, truth, tolerance }: Form): fc.Arbitrary<Trial> =>
  recipes.map(({ shape, axes, options, output, input, isTensor, n }) => {
    const sizes = truth(input.values.map(Math.abs), shape, axes);
    return {
      run: () => ours(given(input, isTensor), options),
      dtype: input.dtype,
      shape: output,
      expected: truth(input.values, shape, axes),
      tolerance: (index) => tolerance(n, sizes[index]),
    };
  });

const gradientTrialsOf = ({ ours, truth, gradientOf }: Form): fc.Arbitrary<GradientTrial> =>
  recipes
    // Of nothing a mean is NaN.
    .filter(({ n }) => n !== 0)
    .map(({ shape, axes, options, input }) => ({
      operands: { input },
      run: ({ input }) => ours(input, options),
      forward: ({ input }) => truth(input, shape, axes),
      gradients: (dy) => ({ input: gradientOf(dy, shape, axes) }),
      tolerance: (dy) => {
        const sizes = gradientOf(dy.map(Math.abs), shape, axes);
        return (_, index) => 3 * 2 ** -24 * sizes[index] + 2 ** -149;
      },
    }));

const good = floats(2, 3);
const large = randomOperand(1, "float16", [2, 4, 30, 32]);

const reduction = (name: string, computes: string, error: ErrorBound, form: Form): Omit<OperationRecord, "bits"> => {
  const { ours } = form;
  return {
    name,
    family: "reduction",
    computes,
    error: { [name]: error },
    property: { trials: trialsOf(form), numRuns: 300 },
    gradient: { trials: gradientTrialsOf(form), numRuns: 100 },
    // prettier-ignore
    refusals: [
      ...wrongDTypes(name, "input", (input) => ours(input)),
      ["an axis of two", () => ours(good, { axis: 2 }), RangeError, "ERR_INVALID_VALUE", new RegExp(`^${name}: axis: .*from -2 to 1, got 2`)],
      ["an axis among several that isn't there", () => ours(good, { axis: [0, -3] }), RangeError, "ERR_INVALID_VALUE", /axis: .*got -3/],
      ["an axis twice", () => ours(good, { axis: [1, -1] }), RangeError, "ERR_INVALID_VALUE", /axis: .*each of them once, got \[1, -1\]/],
      ["no axis", () => ours(good, { axis: [] }), RangeError, "ERR_INVALID_VALUE", /axis: .*at least one axis.*got \[\]/],
      ["an axis that is no number", () => ours(good, { axis: "0" as never }), TypeError, "ERR_INVALID_TYPE", /axis: .*"0"/],
      ["null as the axis", () => ours(good, { axis: null as never }), TypeError, "ERR_INVALID_TYPE", /axis: .*got null/],
      ["a keepDims that is no boolean", () => ours(good, { keepDims: 1 as never }), TypeError, "ERR_INVALID_TYPE", /keepDims: .*got 1/],
      ["PyTorch's name of the axis", () => ours(good, { dim: 1 } as never), TypeError, "ERR_INVALID_TYPE", /options: .*"dim"/],
      ["no tensor", () => ours([1, 2] as never), TypeError, "ERR_INVALID_TYPE", /input: .*got \[1, 2\]/],
    ],
    call: () => [ours(good)],
    memory: { [name]: () => [ours(large)], [`${name} along axes`]: () => [ours(large, { axis: [0, 2] })] },
    typical: () => {
      const input = randn([12, 128, 512], { seed: 1 });
      return { size: "[12, 128, 512]", run: () => ours(input, { axis: 1 }), bytes: 4 * 12 * 129 * 512 };
    },
    mixture: (n) => [ours(floats(n, 6)), ours(randomOperand(n, "bfloat16", [2, n, 3]), { axis: [0, -1] })],
  };
};

const caseOf = (name: string, seed: number, rows: number, columns: number, axis: number) => ({
  name,
  seed,
  amplitude: 3,
  sizes: { rows, columns },
  options: { axis },
});

export const reductionRecords: readonly OperationRecord[] = [
  {
    ...reduction("sum", "Σ input along axes", sumBound, {
      ours: sum,
      truth: oracle.sum,
      gradientOf: oracle.gradientOfSum,
      tolerance: (n, size) => evaluate(sumBound, { "min(n, 256 + n/256) · Σ |input|": depth(n) * size }),
    }),
    bits: {
      cases: [caseOf("sum: rows", 202, 3, 2100, 1), caseOf("sum: columns", 203, 300, 270, 0)],
      run: ({ options }, inputs) => [sum(inputs.matrix("input"), options)],
    },
  },
  {
    ...reduction("mean", "Σ input / n along axes", meanBound, {
      ours: mean,
      truth: oracle.mean,
      gradientOf: oracle.gradientOfMean,
      tolerance: (n, size) =>
        evaluate(meanBound, { "(2 + min(n, 256 + n/256)) · mean |input|": n === 0 ? 0 : (2 + depth(n)) * size }),
    }),
    bits: {
      cases: [caseOf("mean: rows", 204, 3, 2100, 1), caseOf("mean: columns", 205, 300, 270, 0)],
      run: ({ options }, inputs) => [mean(inputs.matrix("input"), options)],
    },
  },
];
