/** rand and randn: their stream from the published generator, equal for both arithmetics; the package's generator. */
import { describe, expect, it } from "vitest";
import { init, manualSeed, memoryUsage, rand, randn, scope } from "../../ts/entry/default.js";
import { drawSeed } from "../../ts/ops/random.js";
import { forEachArithmetic } from "../support/arithmetics.js";
import { expectWithin } from "../support/expect-within.js";
import { normal, uniform, words } from "../oracle/random.js";
import { expectThrowsWithoutLeak, withoutLeak } from "../support/without-leak.js";

const moment = (values: Float32Array, power: number): number =>
  values.reduce((sum, x) => sum + x ** power / values.length, 0);

/** What both arithmetics must give alike. */
const seen = new Map<string, unknown>();
function expectSameInBoth(name: string, value: unknown): void {
  if (seen.has(name)) expect(value).toEqual(seen.get(name));
  else seen.set(name, value);
}

// First in this file, before anything sets another seed.
it("the generator starts with the seed 0, and goes on in another runtime", async () => {
  const first = await init({ deterministic: true });
  const before = memoryUsage().bytesInUse;
  const early = scope(() => Array.from(rand([3]).toArray()));
  expect(memoryUsage().bytesInUse).toBe(before);
  first.dispose();
  const second = await init();
  const late = scope(() => Array.from(rand([2]).toArray()));
  second.dispose();
  expect(Float32Array.from([...early, ...late])).toEqual(uniform(0, 5));
});

forEachArithmetic(() => {
  it.each([0, 1, 42, 2 ** 53 - 1, 2n ** 64n - 1n])("rand with seed %s is Philox's words", (seed) => {
    withoutLeak(() => {
      expect(rand([37], { seed }).toArray()).toEqual(uniform(seed, 37));
      expect(rand([2, 9], { seed, low: -0.3, high: 0.7 }).toArray()).toEqual(uniform(seed, 18, -0.3, 0.7));
      expectSameInBoth(`rand ${seed}`, rand([100], { seed, low: -3, high: 11 }).toArray());
    });
  });

  it.each([0, 7, 2n ** 40n])("randn with seed %s is Box and Muller's transform of them", (seed) => {
    withoutLeak(() => {
      const truth = normal(seed, 41);
      // The radius is rounded three times, then each of its two products.
      const near = (scale: number) => (at: number) => 2 ** -22 * (Math.abs(truth[at]) + 1e-3) * scale;
      expectWithin(randn([41], { seed }), "float32", [41], truth, near(1));
      const moved = truth.map((z) => 3 + 0.5 * z);
      const output = randn([41], { seed, mean: 3, standardDeviation: 0.5 });
      expectWithin(output, "float32", [41], moved, (at) => near(0.5)(at) + 2 ** -24 * Math.abs(moved[at]));
      expectSameInBoth(`randn ${seed}`, randn([1000], { seed }).toArray());
    });
  });

  it("has the moments of the distributions", () => {
    withoutLeak(() => {
      const length = 200_000;
      const u = rand([length], { seed: 1 }).toArray();
      expect(moment(u, 1)).toBeCloseTo(1 / 2, 2);
      expect(moment(u, 2)).toBeCloseTo(1 / 3, 2);
      expect(u.every((x) => x >= 0 && x < 1)).toBe(true);
      const z = randn([length], { seed: 1 }).toArray();
      expect(moment(z, 1)).toBeCloseTo(0, 1.9);
      expect(moment(z, 2)).toBeCloseTo(1, 1.9);
      expect(moment(z, 3)).toBeCloseTo(0, 1);
      expect(moment(z, 4)).toBeCloseTo(3, 1);
      expect(z.every((x) => Math.abs(x) < 6.67)).toBe(true);
    });
  });

  it("stays within [low, high), also where the interval is wide or empty", () => {
    withoutLeak(() => {
      const wide = rand([1000], { low: -3.4e38, high: 3.4e38, seed: 3 }).toArray();
      expect(wide.every(Number.isFinite)).toBe(true);
      const narrow = rand([1000], { low: 1, high: 1 + 2 ** -23, seed: 3 }).toArray();
      expect(new Set(narrow)).toEqual(new Set([1]));
      expect(new Set(rand([9], { low: 2, high: 2 }).toArray())).toEqual(new Set([2]));
      expect(new Set(randn([9], { mean: 2, standardDeviation: 0 }).toArray())).toEqual(new Set([2]));
    });
  });

  it("rounds to 16 bits", () => {
    withoutLeak(() => {
      for (const dtype of ["float16", "bfloat16"] as const) {
        const exact = Float64Array.from(uniform(5, 20, -2, 2));
        expectWithin(rand([4, 5], { seed: 5, low: -2, high: 2, dtype }), dtype, [4, 5], exact, () => 0);
      }
    });
  });

  describe("the package's generator", () => {
    it("starts anew with manualSeed, and goes on from call to call as one stream", () => {
      withoutLeak(() => {
        manualSeed(99);
        const pieces = [3, 0, 1, 5].map((length) => Array.from(rand([length]).toArray())).flat();
        expect(Float32Array.from(pieces)).toEqual(uniform(99, 9));
        expect(randn([2]).toArray()).not.toEqual(randn([2]).toArray());
        manualSeed(99n);
        expect(rand([9]).toArray()).toEqual(uniform(99, 9));
      });
    });

    it("is left alone by calls with a seed, by calls that fail and by allocations", () => {
      withoutLeak(() => {
        manualSeed(4);
        rand([5], { seed: 1 });
        expectThrowsWithoutLeak(() => rand([2 ** 40]), RangeError, "ERR_OUT_OF_MEMORY", /rand: out of memory/);
        expectThrowsWithoutLeak(
          () => rand([3], { low: 2 }),
          RangeError,
          "ERR_INVALID_VALUE",
          /rand: low: .*at most high, 1, got 2/,
        );
        expect(rand([3]).toArray()).toEqual(uniform(4, 3));
      });
    });

    it("draws seeds that differ, and the same ones again", () => {
      withoutLeak(() => {
        manualSeed(7);
        const seeds = Array.from({ length: 50 }, () => drawSeed("test"));
        expect(new Set(seeds).size).toBe(50);
        expect(seeds.every((seed) => Number.isSafeInteger(seed) && seed >= 0 && seed < 2 ** 48)).toBe(true);
        const [low, high] = words(7, 0, 2).map((word) => word >>> 8);
        expect(seeds[0]).toBe(low + high * 2 ** 24);
        manualSeed(7);
        expect(drawSeed("test")).toBe(seeds[0]);
      });
    });
  });

  it("manualSeed refuses a call without a seed", () => {
    withoutLeak(() => {
      const call = manualSeed as () => void;
      expectThrowsWithoutLeak(call, TypeError, "ERR_INVALID_TYPE", /manualSeed: seed: .*got undefined/);
    });
  });
});
