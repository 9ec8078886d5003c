/** layerNorm and rmsNorm against the float64 oracles; their limits; what they refuse. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { layerNorm, rmsNorm } from "../ts/entry/default.js";
import { forEachArithmetic } from "./arithmetics.js";
import {
  count,
  dataSeeds,
  floatTypes,
  given,
  type LayerOperand,
  layerSizes,
  leadingAxes,
  operandOf,
  randomOperand,
} from "./cases/layer-operands.js";
import { expectWithin } from "./expect-within.js";
import * as oracle from "./oracle/layers.js";
import { expectThrowsWithoutLeak, withoutLeak } from "./without-leak.js";

const floats = (...shape: number[]): { data: Float32Array; shape: number[] } => ({
  data: Float32Array.from({ length: count(shape) }, (_, n) => (n % 7) - 3),
  shape,
});

const recipes = fc.record({
  dtypes: fc.tuple(floatTypes, floatTypes, floatTypes),
  leading: leadingAxes,
  normalizedShape: fc.oneof(
    layerSizes.map((size) => [size]),
    fc.constantFrom([5, 7], [2, 3, 4], [1, 9]),
  ),
  hasWeight: fc.boolean(),
  hasBias: fc.boolean(),
  amplitude: fc.constantFrom(1e-3, 1, 100),
  offset: fc.constantFrom(0, 0, 1, 100),
  epsilon: fc.constantFrom(1e-5, 1e-6, 0.5),
  isTensor: fc.boolean(),
  dataSeed: dataSeeds,
});

interface Problem {
  readonly shape: readonly number[];
  readonly rows: number;
  readonly columns: number;
  readonly input: LayerOperand;
  readonly weight: LayerOperand | undefined;
  readonly bias: LayerOperand | undefined;
}

type Recipe = typeof recipes extends fc.Arbitrary<infer R> ? R : never;

function materialize(recipe: Recipe): Problem {
  const { dtypes, leading, normalizedShape, amplitude, offset, dataSeed } = recipe;
  const shape = [...leading, ...normalizedShape];
  const numbers = randomOperand(dataSeed, "float32", shape, amplitude).values.map((x) => x + offset * amplitude);
  const parameter = (index: 1 | 2): LayerOperand => randomOperand(dataSeed + index, dtypes[index], normalizedShape);
  return {
    shape,
    rows: count(leading),
    columns: count(normalizedShape),
    input: operandOf(dtypes[0], shape, numbers),
    weight: recipe.hasWeight ? parameter(1) : undefined,
    bias: recipe.hasBias ? parameter(2) : undefined,
  };
}

/** Each of the sixteen running sums, and what joins them, rounds so often; the kernels state their error with it. */
const roundings = (columns: number): number => 8 + columns / 16;

forEachArithmetic(() => {
  it("layerNorm is within the stated error of the oracle", () => {
    fc.assert(
      fc.property(recipes, (recipe) => {
        const { shape, rows, columns, input, weight, bias } = materialize(recipe);
        // The kernel gets epsilon as a float32.
        const epsilon = Math.fround(recipe.epsilon);
        const expected = oracle.layerNorm(input.values, weight?.values, bias?.values, rows, columns, epsilon);
        const plain = oracle.layerNorm(input.values, undefined, undefined, rows, columns, epsilon);
        const tolerance = (index: number): number => {
          const row = input.values.subarray(index - (index % columns), index - (index % columns) + columns);
          const mean = row.reduce((sum, x) => sum + x / columns, 0);
          const variance = row.reduce((sum, x) => sum + (x - mean) ** 2 / columns, 0);
          // The rounded mean is off by a share of the mean magnitude, which the division by the deviation enlarges.
          const meanError = row.reduce((sum, x) => sum + Math.abs(x) / columns, 0) / Math.sqrt(variance + epsilon);
          const scale = Math.abs(weight?.values[index % columns] ?? 1);
          return (
            2 ** -24 * (roundings(columns) * (meanError + Math.abs(plain[index])) * scale + Math.abs(expected[index]))
          );
        };
        withoutLeak(() => {
          const output = layerNorm(
            given(input, recipe.isTensor),
            recipe.normalizedShape,
            weight && given(weight, recipe.isTensor),
            bias && given(bias, recipe.isTensor),
            recipe.epsilon,
          );
          expectWithin(output, input.dtype, shape, expected, tolerance);
        });
      }),
      { numRuns: 200 },
    );
  });

  it("rmsNorm is within the stated error of the oracle", () => {
    fc.assert(
      fc.property(recipes, (recipe) => {
        const { shape, rows, columns, input, weight } = materialize(recipe);
        const expected = oracle.rmsNorm(input.values, weight?.values, rows, columns, Math.fround(recipe.epsilon));
        withoutLeak(() => {
          const output = rmsNorm(
            given(input, recipe.isTensor),
            recipe.normalizedShape,
            weight && given(weight, recipe.isTensor),
            recipe.epsilon,
          );
          const share = 2 ** -24 * (roundings(columns) + 1);
          expectWithin(output, input.dtype, shape, expected, (index) => share * Math.abs(expected[index]));
        });
      }),
      { numRuns: 200 },
    );
  });

  it("take a number as the last axis, and the epsilons of PyTorch by default", () => {
    withoutLeak(() => {
      const input = { data: new Float32Array([1e-3, -1e-3, 1e-3, -1e-3]), shape: [2, 2] };
      expect(layerNorm(input, 2).toArray()).toEqual(layerNorm(input, [2], undefined, undefined, 1e-5).toArray());
      expect(rmsNorm(input, 2).toArray()).toEqual(rmsNorm(input, [2], undefined, 2 ** -23).toArray());
      expect(layerNorm(input, 2, undefined, undefined, 0).toNested()).toEqual([
        [1, -1],
        [1, -1],
      ]);
    });
  });

  it("give 0 for constant rows, and NaN where a row holds NaN or infinity", () => {
    withoutLeak(() => {
      const input = {
        data: [
          [3, 3, 3],
          [1, NaN, 2],
          [1, Infinity, 2],
          [1, 1, 4],
        ],
        shape: [4, 3],
      };
      const output = layerNorm(input, 3).toNested() as number[][];
      expect(output.slice(0, 3)).toEqual([
        [0, 0, 0],
        [NaN, NaN, NaN],
        [NaN, NaN, NaN],
      ]);
      expect(output[3].every(Number.isFinite)).toBe(true);
      expect(rmsNorm({ data: [0, 0], shape: [2] }, 2).toNested()).toEqual([0, 0]);
      expect(rmsNorm({ data: [NaN, 1], shape: [2] }, 2).toNested()).toEqual([NaN, NaN]);
    });
  });

  describe("refuse", () => {
    const integers = { data: new Int32Array(8), shape: [2, 4] };
    // prettier-ignore
    const cases: [string, () => unknown, typeof TypeError | typeof RangeError, string, RegExp][] = [
      ["another last axis", () => layerNorm(floats(2, 4), [5]), RangeError, "ERR_SHAPE", /layerNorm: input: .*…, 5\].*got \[2, 4\]/],
      ["a longer normalizedShape", () => rmsNorm(floats(4), [2, 4]), RangeError, "ERR_SHAPE", /rmsNorm: input: .*…, 2, 4\]/],
      ["no normalizedShape", () => layerNorm(floats(4), []), RangeError, "ERR_SHAPE", /normalizedShape: .*at least one/],
      ["a negative size", () => layerNorm(floats(4), [-4]), RangeError, "ERR_SHAPE", /normalizedShape: .*got \[-4\]/],
      ["a text", () => layerNorm(floats(4), "4" as never), TypeError, "ERR_INVALID_TYPE", /normalizedShape: .*got "4"/],
      ["another weight", () => layerNorm(floats(2, 4), 4, floats(3)), RangeError, "ERR_SHAPE", /weight: .*\[4\].*got \[3\]/],
      ["a flat weight for two axes", () => rmsNorm(floats(2, 4), [2, 4], floats(8)), RangeError, "ERR_SHAPE", /weight: .*\[2, 4\]/],
      ["another bias", () => layerNorm(floats(2, 4), 4, undefined, floats(1)), RangeError, "ERR_SHAPE", /bias: .*got \[1\]/],
      ["a negative epsilon", () => layerNorm(floats(4), 4, undefined, undefined, -1), RangeError, "ERR_INVALID_VALUE", /epsilon: .*got -1/],
      ["an epsilon of NaN", () => rmsNorm(floats(4), 4, undefined, NaN), RangeError, "ERR_INVALID_VALUE", /epsilon: .*got NaN/],
      ["integers", () => layerNorm(integers, 4), TypeError, "ERR_INVALID_TYPE", /layerNorm: input: .*"int32"/],
      ["an integer weight", () => rmsNorm(floats(2, 4), [2, 4], integers), TypeError, "ERR_INVALID_TYPE", /rmsNorm: weight: .*"int32"/],
    ];
    it.each(cases)("%s", (_, call, kind, code, message) => {
      withoutLeak(() => {
        expectThrowsWithoutLeak(call, kind, code as "ERR_SHAPE", message);
        expect(layerNorm(floats(2, 4), 4, floats(4), floats(4)).shape).toEqual([2, 4]);
      });
    });
  });
});
