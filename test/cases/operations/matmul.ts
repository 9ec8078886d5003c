/** matmul. */
import fc from "fast-check";
import { matmul, randn } from "../../../ts/entry/default.js";
import * as oracle from "../../oracle/matmul.js";
import { type ErrorBound, evaluate } from "../error-bound.js";
import type { GradientTrial } from "../gradient.js";
import { count, dataSeeds, floatTypes, given, layerSizes, randomOperand } from "../layer-operands.js";
import { floats, type OperationRecord, type Trial, wrongDTypes } from "../operation.js";

const bound: ErrorBound = [["2^-24", "n · Σ |a · b|"]];

/** Matrices in batches that broadcast, and vectors. */
const pairs = fc
  .record({
    rows: layerSizes,
    depth: layerSizes,
    columns: layerSizes,
    batch: fc.array(fc.constantFrom(0, 1, 2, 3), { maxLength: 3 }),
    isRepeated: fc.array(fc.tuple(fc.boolean(), fc.boolean()), { minLength: 3, maxLength: 3 }),
    missing: fc.tuple(fc.constantFrom(0, 1), fc.nat(3)),
    vectors: fc.oneof({ weight: 3, arbitrary: fc.constant([false, false]) }, fc.tuple(fc.boolean(), fc.boolean())),
    dtypes: fc.tuple(floatTypes, floatTypes),
    isTensor: fc.boolean(),
    dataSeed: dataSeeds,
  })
  .filter(({ rows, depth, columns, batch }) => count(batch.filter(Boolean)) * rows * depth * columns < 100_000)
  .map(
    ({ rows, depth, columns, batch, isRepeated, missing: [which, missing], vectors, dtypes, isTensor, dataSeed }) => {
      const [a, b] = dtypes.map((dtype, operand) => {
        const sizes = batch.map((size, axis) => (isRepeated[axis][operand] ? 1 : size));
        const batches = operand === which ? sizes.slice(missing) : sizes;
        const matrix = operand === 0 ? [rows, depth] : [depth, columns];
        const shape = vectors[operand] === true ? [depth] : [...batches, ...matrix];
        return randomOperand(dataSeed + operand, dtype, shape);
      });
      return { a, b, isTensor };
    },
  );

const trials: fc.Arbitrary<Trial> = pairs.map(({ a, b, isTensor }) => {
  const { values, absolute, terms } = oracle.matmul(a, b);
  return {
    run: () => matmul(given(a, isTensor), given(b, isTensor)),
    dtype: a.dtype,
    shape: oracle.matmulShape(a.shape, b.shape),
    expected: values,
    tolerance: (index) => evaluate(bound, { "n · Σ |a · b|": terms[index] * absolute[index] }),
  };
});

const gradientTrials: fc.Arbitrary<GradientTrial> = pairs.map(({ a, b }) => ({
  operands: { a, b },
  run: ({ a, b }) => matmul(a, b),
  forward: (values) => oracle.matmul({ ...a, values: values.a }, { ...b, values: values.b }).values,
  gradients: (dy) => {
    const gradients = oracle.gradientsOfMatmul(dy, a, b);
    return { a: gradients.a.values, b: gradients.b.values };
  },
  tolerance: (dy) => {
    const gradients = oracle.gradientsOfMatmul(dy, a, b);
    return (name, index) => {
      const { absolute, terms } = gradients[name as "a" | "b"];
      return (terms[index] + 2) * 2 ** -24 * absolute[index];
    };
  },
}));

const large = randomOperand(1, "float16", [2, 4, 30, 32]);
const other = randomOperand(2, "bfloat16", [4, 32, 33]);

export const matmulRecord: OperationRecord = {
  name: "matmul",
  family: "matmul",
  computes: "Σ a · b of matrices, in batches that are broadcast, and of vectors",
  error: { matmul: bound },
  property: { trials, numRuns: 300 },
  gradient: { trials: gradientTrials, numRuns: 100 },
  // prettier-ignore
  refusals: [
    ...wrongDTypes("matmul", "a", (a) => matmul(a, floats(4, 2))),
    ...wrongDTypes("matmul", "b", (b) => matmul(floats(2, 3), b)),
    ["other sizes", () => matmul(floats(2, 3), floats(2, 3)), RangeError, "ERR_SHAPE", /^matmul: b: expected 3 rows.*got \[2, 3\]/],
    ["vectors of other sizes", () => matmul(floats(3), floats(2)), RangeError, "ERR_SHAPE", /b: expected 3 rows.*got \[2\]/],
    ["batches that don't broadcast", () => matmul(floats(2, 2, 3), floats(3, 3, 2)), RangeError, "ERR_SHAPE", /^matmul: b's batch: .*broadcasts with a's \[2\], got \[3\]/],
    ["a single number", () => matmul({ data: [1], shape: [] }, floats(2, 2)), RangeError, "ERR_SHAPE", /a: .*got \[\]/],
    ["a single number behind", () => matmul(floats(2, 2), { data: [1], shape: [] }), RangeError, "ERR_SHAPE", /b: .*got \[\]/],
    ["a number", () => matmul(floats(2, 2), 2 as never), TypeError, "ERR_INVALID_TYPE", /b: .*got 2/],
    ["an empty result whose sizes overflow", () => matmul(floats(0, 60_000, 1), floats(1, 1, 60_000)), RangeError, "ERR_SHAPE", /product is at most/],
    ["a result over 2 GiB", () => matmul(floats(40_000, 1), floats(1, 40_000)), RangeError, "ERR_OUT_OF_MEMORY", /^matmul: out of memory/],
  ],
  call: () => [matmul(floats(2, 3), floats(3, 2))],
  memory: { matmul: () => [matmul(large, other)], "matmul of one matrix": () => [matmul(large, floats(32, 5))] },
  typical: () => {
    const [a, b] = [randn([12, 128, 64], { seed: 1 }), randn([12, 64, 128], { seed: 2 })];
    return { size: "[12, 128, 64] · [12, 64, 128]", run: () => matmul(a, b), bytes: 4 * 12 * 128 * (64 + 64 + 128) };
  },
  mixture: (n) => [matmul(floats(n, 6), floats(6, 3)), matmul(randomOperand(n, "float16", [2, n, 3]), floats(3))],
  bits: {
    cases: [
      { name: "matmul: several rows", seed: 206, amplitude: 1, sizes: { rows: 13, columns: 67, outFeatures: 29 } },
      { name: "matmul: a column", seed: 207, amplitude: 1, sizes: { rows: 13, columns: 67, outFeatures: 1 } },
    ],
    run: ({ sizes: { columns, outFeatures } }, inputs) => [
      matmul(inputs.matrix("input"), inputs.tensor("weight", [columns, outFeatures])),
    ],
  },
};
