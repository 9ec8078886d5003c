/** The check itself: it must accept what it promises to accept, and tell what is wrong from what is right. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { attentionRecipes, materialize } from "../cases/arbitraries.js";
import { drawCotangents } from "../cases/cotangents.js";
import { workedGradients, type WorkedGradient } from "../cases/worked-gradients.js";
import { attentionGradients, type Gradients } from "./attention-gradients.js";
import { checkPromise, RULE } from "./error-promise.js";
import { promiseGradients } from "./gradient-error-promise.js";

const names = (gradients: object): (keyof Gradients)[] => Object.keys(gradients) as (keyof Gradients)[];

function example(name: string): WorkedGradient {
  return workedGradients.find((worked) => worked.name.startsWith(name))!;
}

function promiseOf({ query, key, value, options, cotangents }: WorkedGradient): ReturnType<typeof promiseGradients> {
  return promiseGradients(query, key, value, options, cotangents);
}

describe("the error promise of gradients", () => {
  it("accepts the naive float32 computation, with half of the tolerance to spare, and promises nearly everything", () => {
    let largestShare = 0;
    const counts = [0, 0, 0, 0];
    fc.assert(
      fc.property(attentionRecipes, (recipe) => {
        const attention = materialize(recipe);
        const { query, key, value, options } = attention;
        const cotangents = drawCotangents(attention, recipe.dataSeed, recipe.specials);
        const naive = attentionGradients(query, key, value, options, cotangents, "single");
        const promised = promiseGradients(query, key, value, options, cotangents);
        expect(names(naive)).toEqual(names(promised));
        for (const name of names(naive)) {
          const expected = promised[name]!;
          expect(naive[name]!.shape).toEqual(expected.shape);
          largestShare = Math.max(largestShare, checkPromise(name, naive[name]!.data, expected, "float32"));
          expected.rule.forEach((rule) => counts[rule]++);
        }
      }),
      { seed: 8, numRuns: 400 },
    );
    expect(largestShare).toBeLessThanOrEqual(0.5);
    const total = counts.reduce((sum, count) => sum + count, 0);
    expect(counts[RULE.free] / total).toBeLessThan(0.1);
    expect(counts[RULE.notFinite]).toBeGreaterThan(1000);
  });

  it.each(workedGradients)("accepts the float64 gradients of $name, rounded to float32", (worked) => {
    for (const [name, expected] of Object.entries(promiseOf(worked))) {
      const rounded = Array.from(expected.reference, Math.fround);
      expect(checkPromise(name, rounded, expected, "float32")).toBeLessThan(0.5);
    }
  });

  it("rejects an error of a few float32 units", () => {
    for (const [name, expected] of Object.entries(promiseOf(example("B11")))) {
      const index = expected.reference.findIndex((x) => Math.abs(x) > 0.1);
      const wrong = Array.from(expected.reference, (x, n) => Math.fround(n === index ? x * (1 + 2 ** -12) : x));
      expect(() => checkPromise(name, wrong, expected, "float32")).toThrow(`${name}[${index}]`);
    }
  });

  it("rejects what hidden keys leak, fully masked rows that give anything, and a lost NaN", () => {
    const hidden = promiseOf(example("B2 causal, NaN"));
    for (const leak of [NaN, 1e-30]) {
      const exact = Array.from(hidden.key.reference, (x, n) => (n === 2 ? leak : Math.fround(x)));
      expect(() => checkPromise("key", exact, hidden.key, "float32")).toThrow("key[2]");
    }

    const masked = promiseOf(example("B8"));
    const query = [1e-30, Math.fround(masked.query.reference[1])];
    expect(() => checkPromise("query", query, masked.query, "float32")).toThrow("query[0]");

    const { query: dense, key, value, options, cotangents } = example("B1");
    const poisoned = { ...value, data: [1, NaN, 4] };
    const promised = promiseGradients(dense, key, poisoned, options, cotangents);
    expect(() => checkPromise("query", [0.7, NaN], promised.query, "float32")).toThrow("query[0]");
    expect(() => checkPromise("key", [0, 0, 0], promised.key, "float32")).toThrow("key[0]");
    // The value's gradient doesn't depend on the values.
    const exact = Array.from(promised.value.reference, Math.fround);
    expect(checkPromise("value", exact, promised.value, "float32")).toBeLessThan(0.5);
  });

  it("holds rows of equal scores to their own errors, however large a mask they share", () => {
    const equal = promiseOf(example("B12"));
    const wrong = Array.from(equal.key.reference, (x) => Math.fround(x * (1 + 2 ** -12)));
    expect(() => checkPromise("key", wrong, equal.key, "float32")).toThrow("key[0]");
  });
});
