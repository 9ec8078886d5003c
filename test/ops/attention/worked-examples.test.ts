/** The worked examples of docs/semantics.md, through the package. */
import { describe, expect, it } from "vitest";
import { forEachArithmetic } from "../../support/arithmetics.js";
import { callAttention, float32Case } from "../../cases/attention-call.js";
import { workedExamples } from "../../cases/worked-examples.js";
import type { WeightsMode } from "../../oracle/attention.js";
import { checkPromise, promise } from "../../oracle/error-promise.js";

function expectClose(actual: ArrayLike<number>, expected: readonly number[] | undefined): void {
  expected?.forEach((value, n) => {
    if (!Number.isFinite(value) || value === 0) {
      expect(actual[n]).toBe(value);
    } else {
      expect(Math.abs(actual[n] - value)).toBeLessThanOrEqual(1e-7 + 1e-6 * Math.abs(value));
    }
  });
}

describe("attention worked examples", () => {
  forEachArithmetic(() => {
    it.each(workedExamples)("$name", (example) => {
      const modes = Object.keys(example.weights ?? {}).map((mode) => Number(mode) as WeightsMode);
      for (const weightsMode of modes.length > 0 ? modes : [3 as const]) {
        const options = { ...example.options, needWeights: true, weightsMode };
        const { output, logSumExp, weights } = callAttention(float32Case({ ...example, options }));
        expectClose(output.values, example.output);
        expectClose(logSumExp!.values, example.logSumExp);
        expectClose(weights!.values, example.weights?.[weightsMode]);
        const promised = promise(example.query, example.key, example.value, options);
        checkPromise("output", output.values, promised.output, "float32");
        checkPromise("logSumExp", logSumExp!.values, promised.logSumExp, "float32");
        checkPromise("weights", weights!.values, promised.weights!, "float32");
      }
    });
  });
});
