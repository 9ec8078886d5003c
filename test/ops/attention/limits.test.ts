/** Attention at its edges: empty sizes, infinities, sinks of no use, equal scores, scores far apart. */
import { describe, expect, it } from "vitest";
import { forEachArithmetic } from "../../support/arithmetics.js";
import { scaledDotProductAttention, scope, Tensor } from "../../../ts/entry/default.js";
import type { CaseOptions, CaseTensor } from "../../cases/arbitraries.js";
import { callAttention, type AttentionResults } from "../../cases/attention-call.js";
import { checkPromise, promise } from "../../oracle/error-promise.js";

/** [n, width] or whatever shape, from a function of the flat index or from values. */
function tensor(shape: readonly number[], values: readonly number[] | ((n: number) => number)): CaseTensor {
  const length = shape.reduce((product, size) => product * size, 1);
  const at = typeof values === "function" ? values : (n: number): number => values[n];
  return { data: Float32Array.from({ length }, (_, n) => at(n)), shape, dtype: "float32" };
}

/** Calls and holds the promise; returns the results. */
function attend(query: CaseTensor, key: CaseTensor, value: CaseTensor, options: CaseOptions = {}): AttentionResults {
  const results = callAttention({ query, key, value, options });
  const promised = promise(query, key, value, options);
  for (const name of ["output", "logSumExp", "weights"] as const) {
    const expected = promised[name];
    const result = results[name];
    expect(result?.shape).toEqual(expected?.shape);
    if (expected && result) {
      checkPromise(name, result.values, expected, "float32");
    }
  }
  return results;
}

const one = (n: number): number => (n % 5) - 2;

describe("attention at its edges", () => {
  forEachArithmetic(() => {
    it.each([
      { name: "no batch", batch: 0, queries: 3, keys: 4 },
      { name: "no queries", batch: 2, queries: 0, keys: 4 },
      { name: "no keys", batch: 2, queries: 3, keys: 0 },
      { name: "neither queries nor keys", batch: 1, queries: 0, keys: 0 },
    ])("$name", ({ batch, queries, keys }) => {
      const query = tensor([batch, 4, queries, 5], one);
      const key = tensor([batch, 2, keys, 5], one);
      const value = tensor([batch, 2, keys, 3], one);
      const { output, logSumExp, weights } = attend(query, key, value, { needWeights: true });
      expect(output.shape).toEqual([batch, 4, queries, 3]);
      expect(weights?.shape).toEqual([batch, 4, queries, keys]);
      expect(logSumExp?.shape).toEqual([batch, 4, queries]);
      if (keys === 0) {
        expect(output.values.every((x) => Object.is(x, 0))).toBe(true);
        expect(logSumExp?.values.every((x) => x === -Infinity)).toBe(true);
        const withSinks = attend(query, key, value, { sinks: Float32Array.of(1, -2, -Infinity, 40) });
        expect(Array.from(withSinks.logSumExp!.values.subarray(0, queries))).toEqual(new Array(queries).fill(1));
      }
    });

    it("returns a present for a past of length 0, and none without a past", () => {
      const [query, key, value] = [tensor([1, 1, 2, 3], one), tensor([1, 1, 4, 3], one), tensor([1, 1, 4, 2], one)];
      const options = { pastKey: tensor([1, 1, 0, 3], one), pastValue: tensor([1, 1, 0, 2], one) };
      const { presentKey, presentValue } = attend(query, key, value, options);
      expect(Array.from(presentKey!.values)).toEqual(Array.from(key.data));
      expect(Array.from(presentValue!.values)).toEqual(Array.from(value.data));
      const without = attend(query, key, value);
      expect([without.presentKey, without.presentValue, without.weights]).toEqual([undefined, undefined, undefined]);
    });

    it("takes tensors, leaves them alone, and returns what was asked for alone", () => {
      scope(() => {
        const query = Tensor.from(Float32Array.of(1, 2), [2, 1]);
        const key = Tensor.from(Float32Array.of(0, 1, 2), [3, 1]);
        const value = Tensor.from(Float32Array.of(1, 2, 4), [3, 1]);
        const result = scaledDotProductAttention(query, key, value);
        expect(Object.keys(result)).toEqual(["output"]);
        expect(result.output.toArray()[1]).toBeCloseTo(3.7177504, 5);
        expect([query, key, value].map((t) => Array.from(t.toArray()))).toEqual([
          [1, 2],
          [0, 1, 2],
          [1, 2, 4],
        ]);
      });
    });

    it("softcap bounds infinite scores", () => {
      const { weights } = attend(tensor([1, 1], [1]), tensor([3, 1], [Infinity, 0, -Infinity]), tensor([3, 1], one), {
        ...{ softcap: 2, scale: 1, needWeights: true },
      });
      const exponentials = [2, 0, -2].map((score) => Math.exp(score));
      const sum = exponentials.reduce((all, x) => all + x, 0);
      exponentials.forEach((x, j) => expect(weights!.values[j]).toBeCloseTo(x / sum, 6));
    });

    it("a row whose visible scores are all −Infinity is fully masked, whatever k and v hold", () => {
      const value = tensor([2, 2], [NaN, 1, Infinity, 2]);
      const { output, logSumExp } = attend(tensor([1, 1], [1]), tensor([2, 1], [-Infinity, -Infinity]), value);
      expect(Array.from(output.values)).toEqual([0, 0]);
      expect(logSumExp!.values[0]).toBe(-Infinity);
    });

    it("+Infinity and NaN in a score make the row NaN; a non-finite v its element", () => {
      const key = tensor([3, 1], [0, Infinity, 1]);
      const opposite = attend(tensor([2, 1], [1, -1]), key, tensor([3, 1], one), { isCausal: true });
      expect(Array.from(opposite.output.values).map(Number.isNaN)).toEqual([false, false]);
      const seen = attend(tensor([2, 1], [1, 1]), key, tensor([3, 1], one), { isCausal: true, needWeights: true });
      expect(Array.from(seen.weights!.values.subarray(1))).toEqual([0, 0, NaN, NaN, 0]);

      const value = tensor([3, 3], [1, 2, 3, 4, Infinity, 6, 7, 8, NaN]);
      // Weight 0, for a score 200 below the largest, still meets an infinity.
      const { output } = attend(tensor([1, 1], [200]), tensor([3, 1], [1, 0, 0.5]), value, { scale: 1 });
      expect(Array.from(output.values).map(Number.isFinite)).toEqual([true, false, false]);
      const dropped = attend(tensor([1, 1], [0]), tensor([3, 1], [1, 0, 0.5]), value, { dropoutP: 1, seed: 3 });
      expect(Array.from(dropped.output.values).map(Number.isFinite)).toEqual([true, false, false]);
    });

    it("a NaN or +Infinity sink spoils its head alone", () => {
      const [query, key, value] = [tensor([1, 3, 9, 2], one), tensor([1, 3, 5, 2], one), tensor([1, 3, 5, 2], one)];
      const sinks = Float32Array.of(NaN, 1, Infinity);
      const { output, logSumExp } = attend(query, key, value, { sinks });
      const clean = attend(query, key, value, { sinks: Float32Array.of(1, 1, 1) });
      expect(output.values.subarray(0, 18).every(Number.isNaN)).toBe(true);
      expect(output.values.subarray(36).every(Number.isNaN)).toBe(true);
      expect(Array.from(output.bits.subarray(18, 36))).toEqual(Array.from(clean.output.bits.subarray(18, 36)));
      expect(Array.from(logSumExp!.values, Number.isNaN)).toEqual(
        Array.from({ length: 27 }, (_, n) => n < 9 || n >= 18),
      );
    });

    it("a sink far above the scores leaves small weights their digits", () => {
      const [query, key, value] = [
        tensor([1, 24, 1, 1], () => 0),
        tensor([1, 24, 3, 1], one),
        tensor([1, 24, 3, 4], one),
      ];
      const sinks = Float32Array.from({ length: 24 }, (_, h) => 1.37 * h);
      attend(query, key, value, { sinks, needWeights: true });
    });

    it("dropout of 1 drops everything", () => {
      const [query, key, value] = [tensor([7, 3], one), tensor([9, 3], one), tensor([9, 4], one)];
      const options = { dropoutP: 1, seed: 5, needWeights: true, weightsMode: 4 } as const;
      const { output, weights } = attend(query, key, value, options);
      expect([...output.values, ...weights!.values].every((x) => Object.is(x, 0))).toBe(true);
    });

    // Equal weights are where rounding errors of a long sum point the same way, and where the naive sum has none.
    it.each([1, 2, 6, 63, 64, 126, 128, 264, 265, 512, 1024, 4096])("%d keys of equal scores", (keys) => {
      const value = tensor([keys, 6], (n) => (Math.floor(n / 6) % ((n % 6) + 1) === 0 ? 1 : 0));
      for (const score of [0, 0.3, 3]) {
        attend(
          tensor([1, 1], [score]),
          tensor([keys, 1], () => 1),
          value,
          { needWeights: true },
        );
      }
    });

    it("weights of scores far apart are normal numbers or 0", () => {
      const keys = 300;
      const key = tensor([keys, 1], (n) => -n / 2);
      const value = tensor([keys, 8], one);
      const { weights, output } = attend(
        tensor([9, 1], (n) => n / 3),
        key,
        value,
        { scale: 1, needWeights: true },
      );
      const subnormal = (x: number): boolean => x !== 0 && Math.abs(x) < 2 ** -126;
      expect([...weights!.values, ...output.values].filter(subnormal)).toEqual([]);
      expect(weights!.values.subarray(8 * keys).some((w) => w === 0)).toBe(true);
    });
  });
});
