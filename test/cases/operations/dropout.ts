/** With a seed; the package's generator has tests of its own. */
import fc from "fast-check";
import { dropout, randn } from "../../../ts/entry/default.js";
import * as oracle from "../../oracle/dropout.js";
import { type ErrorBound, evaluate } from "../error-bound.js";
import type { GradientTrial } from "../gradient.js";
import { dataSeeds, floatTypes, given, layerSizes, leadingAxes, randomOperand } from "../layer-operands.js";
import { floats, type OperationRecord, type Trial, wrongDTypes } from "../operation.js";

const bound: ErrorBound = [["2^-23", "|result|"], ["2^-149"]];

const within = (result: number): number => evaluate(bound, { "|result|": Math.abs(result) });

const recipes = fc
  .record({
    dtype: floatTypes,
    leading: leadingAxes,
    size: layerSizes,
    p: fc.constantFrom(0, 1, 0.5, 0.1, 0.999, 1e-12, 2 ** -32),
    seed: fc.oneof(dataSeeds, fc.constantFrom(0, 2 ** 53 - 1, 2n ** 64n - 1n)),
    isTensor: fc.boolean(),
    dataSeed: dataSeeds,
  })
  .map(({ dtype, leading, size, dataSeed, ...rest }) => ({
    ...rest,
    input: randomOperand(dataSeed, dtype, [...leading, size]),
  }));

const trials: fc.Arbitrary<Trial> = recipes.map(({ input, p, seed, isTensor }) => {
  const expected = oracle.dropout(input.values, seed, p);
  return {
    run: () => dropout(given(input, isTensor), { p, seed }),
    dtype: input.dtype,
    shape: input.shape,
    expected,
    tolerance: (index) => within(expected[index]),
  };
});

const gradientTrials: fc.Arbitrary<GradientTrial> = recipes.map(({ input, p, seed }) => ({
  operands: { input },
  run: (tensors) => dropout(tensors.input, { p, seed }),
  forward: (values) => oracle.dropout(values.input, seed, p),
  gradients: (dy) => ({ input: dy.map((value, at) => value * oracle.factors(seed, p, dy.length)[at]) }),
  tolerance: (dy) => {
    const factors = oracle.factors(seed, p, dy.length);
    return (_, index) => within(dy[index] * factors[index]);
  },
}));

const good = floats(2, 3);
const large = randomOperand(1, "float16", [2, 4, 30, 32]);

export const dropoutRecord: OperationRecord = {
  name: "dropout",
  family: "dropout",
  computes: "input · m, with m = 1 / (1 − p) or, with probability p, 0",
  error: { dropout: bound },
  property: { trials, numRuns: 100 },
  gradient: { trials: gradientTrials, numRuns: 60 },
  // prettier-ignore
  refusals: [
    ...wrongDTypes("dropout", "input", (input) => dropout(input)),
    ["a probability above 1", () => dropout(good, { p: 1.5 }), RangeError, "ERR_INVALID_VALUE", /^dropout: p: .*from 0 to 1, got 1.5/],
    ["a negative probability", () => dropout(good, { p: -0.1 }), RangeError, "ERR_INVALID_VALUE", /^dropout: p: .*got -0.1/],
    ["NaN", () => dropout(good, { p: NaN }), RangeError, "ERR_INVALID_VALUE", /^dropout: p: .*got NaN/],
    ["a probability that stands alone", () => dropout(good, 0.5 as never), TypeError, "ERR_INVALID_TYPE", /^dropout: options: .*got 0.5/],
    ["a text as the probability", () => dropout(good, { p: "0.5" as never }), TypeError, "ERR_INVALID_TYPE", /^dropout: p: .*got "0.5"/],
    ["a negative seed", () => dropout(good, { seed: -1 }), RangeError, "ERR_INVALID_VALUE", /^dropout: seed: .*got -1/],
    ["a text as the seed", () => dropout(good, { seed: "1" as never }), TypeError, "ERR_INVALID_TYPE", /^dropout: seed: .*got "1"/],
    ["attention's name of the probability", () => dropout(good, { dropoutP: 0.5 } as never), TypeError, "ERR_INVALID_TYPE", /^dropout: options: .*"dropoutP"/],
  ],
  call: () => [dropout(good)],
  memory: { dropout: () => [dropout(large, { seed: 1 })] },
  typical: () => {
    const input = randn([512, 768], { seed: 1 });
    return { size: "[512, 768]", run: () => dropout(input, { p: 0.1, seed: 1 }), bytes: 2 * 4 * 512 * 768 };
  },
  mixture: (n) => [dropout(floats(n, 6), { p: 0.1 }), dropout(floats(n), { p: 0, seed: n })],
  bits: {
    cases: [
      {
        name: "dropout: some are kept",
        seed: 83,
        amplitude: 3,
        sizes: { rows: 7, columns: 37 },
        options: { p: 0.3, seed: 12345678901 },
      },
    ],
    run: ({ options }, inputs) => [dropout(inputs.matrix("input"), options)],
  },
};
