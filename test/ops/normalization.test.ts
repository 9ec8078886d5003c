/** layerNorm and rmsNorm over the ranges of the dtypes, at their limits, and their defaults. */
import { describe, expect, it } from "vitest";
import { layerNorm, rmsNorm, type Tensor, type TensorData } from "../../ts/entry/default.js";
import { operandOf, randomOperand } from "../cases/layer-operands.js";
import { layerNormTrial, rmsNormTrial } from "../cases/operations/normalization.js";
import { forEachArithmetic } from "../support/arithmetics.js";
import { expectWithin } from "../support/expect-within.js";
import { withoutLeak } from "../support/without-leak.js";

const dtypes = ["float32", "float16", "bfloat16"] as const;

forEachArithmetic(() => {
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
          const sizes = { shape: [2, columns], normalizedShape: [columns], rows: 2, columns };
          for (const epsilon of [0, 1e-5]) {
            const problem = { ...sizes, input, weight, bias, epsilon, isTensor: false };
            for (const trial of [layerNormTrial(problem), rmsNormTrial(problem)]) {
              withoutLeak(() => {
                expectWithin(trial.run(), dtype, trial.shape, trial.expected, trial.tolerance);
              });
            }
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
});
