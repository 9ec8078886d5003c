/** The check itself: it must accept what it promises to accept, and tell what is wrong from what is right. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { attentionRecipes, materialize } from "../cases/arbitraries.js";
import { workedExamples } from "../cases/worked-examples.js";
import { attention } from "./attention.js";
import { checkPromise, promise } from "./error-promise.js";
import { roundTo } from "./half.js";

describe("the error promise", () => {
  it("accepts the naive float32 computation, with half of the tolerance to spare", () => {
    let largestShare = 0;
    fc.assert(
      fc.property(attentionRecipes, (recipe) => {
        const { query, key, value, options } = materialize(recipe);
        const naive = attention(query, key, value, options, "single");
        const promised = promise(query, key, value, options);
        for (const name of ["output", "logSumExp", "weights"] as const) {
          const expected = promised[name];
          if (expected) {
            expect(naive[name]?.shape).toEqual(expected.shape);
            largestShare = Math.max(largestShare, checkPromise(name, naive[name]!.data, expected, "float32"));
          }
        }
      }),
      { seed: 8, numRuns: 400 },
    );
    expect(largestShare).toBeLessThanOrEqual(0.5);
  });

  it.each(workedExamples)("accepts the float64 result of $name, rounded to any dtype", (example) => {
    const { query, key, value, options } = example;
    const expected = promise(query, key, value, options).output;
    for (const dtype of ["float32", "float16", "bfloat16"] as const) {
      const rounded = Array.from(expected.reference, (x) => roundTo(dtype, x));
      expect(checkPromise("output", rounded, expected, dtype)).toBeLessThan(0.5);
    }
  });

  it("rejects an error of a few float32 units, a wrong zero and a lost NaN", () => {
    const [dense, ...others] = workedExamples;
    const expected = promise(dense.query, dense.key, dense.value, dense.options).output;
    const wrong = Array.from(expected.reference, (x) => Math.fround(x * (1 + 2 ** -17)));
    expect(() => checkPromise("output", wrong, expected, "float32")).toThrow("output[0]");

    const masked = others.find(({ name }) => name.startsWith("X2"))!;
    const { output } = promise(masked.query, masked.key, masked.value, masked.options);
    expect(() => checkPromise("output", [-0, 1, 1.9525741], output, "float32")).toThrow("output[0]");
    expect(() => checkPromise("output", [NaN, 1, 1.9525741], output, "float32")).toThrow("output[0]");

    const poisoned = others.find(({ name }) => name.startsWith("X8"))!;
    const promised = promise(poisoned.query, poisoned.key, poisoned.value, poisoned.options);
    expect(() => checkPromise("output", [1.7310586, 4], promised.output, "float32")).toThrow("output[1]");
    expect(() => checkPromise("logSumExp", [1.3132617, 4], promised.logSumExp, "float32")).toThrow("logSumExp[1]");
  });
});
