import { describe, expect, it } from "vitest";
import { workedExamples } from "../cases/worked-examples.js";
import { attention, type WeightsMode } from "./attention.js";

/** Worked values are given to seven decimals; large ones to float32. */
function expectClose(actual: ArrayLike<number>, expected: readonly number[]): void {
  expect(actual.length).toBe(expected.length);
  expected.forEach((value, n) => {
    if (!Number.isFinite(value) || value === 0) {
      expect(actual[n]).toBe(value);
    } else {
      expect(Math.abs(actual[n] - value)).toBeLessThanOrEqual(5.1e-8 * Math.max(1, Math.abs(value) * 1e-3));
    }
  });
}

describe.each(workedExamples)("attention oracle: $name", (example) => {
  const { query, key, value, options } = example;

  it("gives the documented output and logSumExp", () => {
    const result = attention(query, key, value, options);
    if (example.output) {
      expectClose(result.output.data, example.output);
    }
    if (example.logSumExp) {
      expectClose(result.logSumExp.data, example.logSumExp);
    }
  });

  it("gives the documented weights", () => {
    for (const [mode, weights] of Object.entries(example.weights ?? {})) {
      const weightsMode = Number(mode) as WeightsMode;
      expectClose(attention(query, key, value, { ...options, needWeights: true, weightsMode }).weights!.data, weights);
    }
  });
});
