/** layerNorm and rmsNorm against the float64 oracles; their limits; what they refuse. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { layerNorm, rmsNorm, type Tensor, type TensorData } from "../../ts/entry/default.js";
import { forEachArithmetic } from "../support/arithmetics.js";
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
} from "../cases/layer-operands.js";
import { expectWithin } from "../support/expect-within.js";
import * as oracle from "../oracle/layers.js";
import { expectThrowsWithoutLeak, withoutLeak } from "../support/without-leak.js";

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
  // Beyond the range of a dtype are infinities; below 1e-38 everything is subnormal.
  amplitude: fc.oneof(fc.constantFrom(1e-3, 1, 100), fc.constantFrom(1e-43, 1e-38, 1e-25, 1e-12, 1e10, 1e25, 9e37)),
  // In units of the amplitude, which is one deviation: 16 is where the kernel turns to float64.
  offset: fc.constantFrom(0, 0, 1, 15, 17, 100, 1e5),
  epsilon: fc.constantFrom(1e-5, 1e-6, 0.5, 0, 1e-40, 1e30),
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

/** The error of layerNorm that its documentation states, as a function of the element; epsilon is a float32. */
function layerNormError({ rows, columns, input, weight, bias }: Problem, epsilon: number): (index: number) => number {
  const normal = oracle.layerNorm(input.values, undefined, undefined, rows, columns, epsilon);
  const rowErrors = Array.from({ length: rows }, (_, r) => {
    const row = input.values.subarray(r * columns, (r + 1) * columns);
    const mean = row.reduce((sum, x) => sum + x, 0) / columns;
    const deviation = Math.sqrt(row.reduce((sum, x) => sum + (x - mean) ** 2 / columns, 0) + epsilon);
    const magnitude = row.reduce((sum, x) => sum + Math.abs(x) / columns, 0);
    return { deviation, offset: Math.min(magnitude / deviation, 17) };
  });
  return (index) => {
    const { deviation, offset } = rowErrors[Math.floor(index / columns)];
    const scale = Math.abs(weight?.values[index % columns] ?? 1);
    const result = normal[index] * (weight?.values[index % columns] ?? 1) + (bias?.values[index % columns] ?? 0);
    const relative = roundings(columns) * (Math.abs(normal[index]) + offset) * scale + Math.abs(result);
    return 2 ** -24 * relative + 2 ** -149 * (1 + scale + scale / deviation);
  };
}

/** The same of rmsNorm. */
const rmsNormError =
  ({ columns, weight }: Problem, expected: Float64Array) =>
  (index: number): number =>
    2 ** -24 * (roundings(columns) + 1) * Math.abs(expected[index]) +
    2 ** -149 * (1 + Math.abs(weight?.values[index % columns] ?? 1));

function checkLayerNorm(
  problem: Problem,
  normalizedShape: readonly number[],
  epsilon: number,
  isTensor: boolean,
): void {
  const { shape, rows, columns, input, weight, bias } = problem;
  // The kernel gets epsilon as a float32.
  const rounded = Math.fround(epsilon);
  const expected = oracle.layerNorm(input.values, weight?.values, bias?.values, rows, columns, rounded);
  withoutLeak(() => {
    const output = layerNorm(
      given(input, isTensor),
      normalizedShape,
      weight && given(weight, isTensor),
      bias && given(bias, isTensor),
      epsilon,
    );
    expectWithin(output, input.dtype, shape, expected, layerNormError(problem, rounded));
  });
}

function checkRmsNorm(problem: Problem, normalizedShape: readonly number[], epsilon: number, isTensor: boolean): void {
  const { shape, rows, columns, input, weight } = problem;
  const expected = oracle.rmsNorm(input.values, weight?.values, rows, columns, Math.fround(epsilon));
  withoutLeak(() => {
    const output = rmsNorm(given(input, isTensor), normalizedShape, weight && given(weight, isTensor), epsilon);
    expectWithin(output, input.dtype, shape, expected, rmsNormError(problem, expected));
  });
}

const dtypes = ["float32", "float16", "bfloat16"] as const;

forEachArithmetic(() => {
  it("layerNorm is within the stated error of the oracle", () => {
    fc.assert(
      fc.property(recipes, (recipe) => {
        checkLayerNorm(materialize(recipe), recipe.normalizedShape, recipe.epsilon, recipe.isTensor);
      }),
      { numRuns: 400 },
    );
  });

  it("rmsNorm is within the stated error of the oracle", () => {
    fc.assert(
      fc.property(recipes, (recipe) => {
        checkRmsNorm(materialize(recipe), recipe.normalizedShape, recipe.epsilon, recipe.isTensor);
      }),
      { numRuns: 400 },
    );
  });

  describe.each([1, 3, 5, 17, 63, 768, 1023, 1025, 4097])("rows of %d", (columns) => {
    it.each(dtypes)("are within it over the range of %s", (dtype) => {
      const exponents = dtype === "float16" ? [-24, 0, 13] : [-147, -110, -50, 0, 63, 124];
      for (const [seed, exponent] of exponents.entries()) {
        const weight = randomOperand(seed, dtype, [columns]);
        const bias = randomOperand(seed + 1, dtype, [columns]);
        // Around 0, and around 448 deviations.
        for (const [deviation, mean] of [
          [1, 0],
          [2 ** -6, 7],
        ]) {
          const normal = randomOperand(seed + 2, "float32", [2, columns]).values;
          const numbers = normal.map((x) => (x * deviation + mean) * 2 ** exponent);
          const input = operandOf(dtype, [2, columns], numbers);
          const problem = { shape: [2, columns], rows: 2, columns, input, weight, bias };
          for (const epsilon of [0, 1e-5]) {
            checkLayerNorm(problem, [columns], epsilon, false);
            checkRmsNorm(problem, [columns], epsilon, false);
          }
        }
      }
    });

    it.each(dtypes)("of equal %s values become exactly 0", (dtype) => {
      const values = dtype === "float16" ? [2 ** -24, 0.1, 60000] : [1e-45, 1e-38, 1e-25, 0.1, 1234.567, 1e19, 3e38];
      const shape = [2 * values.length, columns];
      const rows = [...values, ...values.map((value) => -value)];
      const numbers = rows.flatMap((value) => Array<number>(columns).fill(value));
      const { data } = operandOf(dtype, shape, numbers);
      withoutLeak(() => {
        const input = { data, shape, dtype };
        for (const epsilon of [1e-40, 1e-5, 1]) {
          const output = layerNorm(input, columns, undefined, undefined, epsilon);
          expect(new Set(output.to("float32").toArray())).toEqual(new Set([0]));
        }
        expect(new Set(layerNorm(input, columns, undefined, undefined, 0).to("float32").toArray())).toEqual(
          new Set([NaN]),
        );
      });
    });
  });

  // Worked out in float64 and rounded to six digits.
  it("neither overflow nor underflow", () => {
    const round = (output: Tensor): number[] => Array.from(output.toArray(), (x) => Math.round(x * 1e6) / 1e6);
    const row = (...data: number[]): TensorData => ({ data: Float32Array.from(data), shape: [data.length] });
    withoutLeak(() => {
      expect(round(rmsNorm(row(1e25, -1e25, 2e25, 3e25), 4))).toEqual([0.516398, -0.516398, 1.032796, 1.549193]);
      expect(round(layerNorm(row(1e30, 2e30, -1e30, 3e30), 4))).toEqual([-0.169031, 0.507093, -1.521278, 1.183216]);
      expect(round(layerNorm(row(3e38, 3e38, 3e38, 3e38, 3e38), 5))).toEqual([0, 0, 0, 0, 0]);
      expect(round(rmsNorm(row(1e-30, 2e-30), 2, undefined, 0))).toEqual([0.632456, 1.264911]);
      expect(round(rmsNorm(row(2 ** -149, 2 ** -148), 2, undefined, 0))).toEqual([0.632456, 1.264911]);
      expect(round(layerNorm(row(1e-30, 2e-30), 2, undefined, undefined, 0))).toEqual([-1, 1]);
      expect(round(layerNorm(row(3.4e38, -3.4e38), 2))).toEqual([1, -1]);
    });
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
      expect(rmsNorm({ data: [-Infinity, 1], shape: [2] }, 2).toNested()).toEqual([NaN, 0]);
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
