/** rand and randn with a seed; the package's generator has tests of its own. */
import fc from "fast-check";
import { rand, type RandnOptions, type RandOptions, randn } from "../../../ts/entry/default.js";
import * as oracle from "../../oracle/random.js";
import { count, dataSeeds, floatTypes } from "../layer-operands.js";
import { type OperationRecord, type Trial } from "../operation.js";

const recipes = fc.record({
  shape: fc.array(fc.integer({ min: 0, max: 9 }), { maxLength: 3 }),
  dtype: floatTypes,
  seed: fc.oneof(dataSeeds, fc.constantFrom(0, 2 ** 53 - 1, 2n ** 64n - 1n)),
  place: fc.constantFrom(0, -3, 0.1),
  size: fc.constantFrom(0, 1, 7),
});

const uniformTrials: fc.Arbitrary<Trial> = recipes.map(({ shape, dtype, seed, place, size }) => ({
  run: () => rand(shape, { dtype, seed, low: place, high: place + size }),
  dtype,
  shape,
  expected: Float64Array.from(oracle.uniform(seed, count(shape), place, place + size)),
  tolerance: () => 0,
}));

const normalTrials: fc.Arbitrary<Trial> = recipes.map(({ shape, dtype, seed, place, size }) => {
  const normal = oracle.normal(seed, count(shape));
  const expected = normal.map((z) => place + size * z);
  return {
    run: () => randn(shape, { dtype, seed, mean: place, standardDeviation: size }),
    dtype,
    shape,
    expected,
    // The radius is rounded three times, then each of its two products; then the deviation, mean and sum are.
    tolerance: (at) =>
      2 ** -22 * (Math.abs(normal[at]) + 1e-3) * size + 2 ** -24 * (Math.abs(expected[at]) + 2 * Math.abs(place)),
  };
});

const anyRand = rand as (shape: unknown, options?: unknown) => never;
const anyRandn = randn as (shape: unknown, options?: unknown) => never;

export const randomRecords: readonly OperationRecord[] = [
  {
    name: "rand",
    family: "random",
    computes: "uniform random numbers",
    error: "none: the same numbers everywhere",
    property: { trials: uniformTrials, numRuns: 60 },
    // prettier-ignore
    gradient: { none: "random numbers are computed from nothing" },
    refusals: [
      ["a number as the shape", () => anyRand(3), TypeError, "ERR_INVALID_TYPE", /^rand: shape: .*got 3/],
      ["a negative seed", () => anyRand([1], { seed: -1 }), RangeError, "ERR_INVALID_VALUE", /^rand: seed: .*got -1/],
      [
        "a fractional seed",
        () => anyRand([1], { seed: 1.5 }),
        RangeError,
        "ERR_INVALID_VALUE",
        /^rand: seed: .*got 1.5/,
      ],
      [
        "a text as the seed",
        () => anyRand([1], { seed: "1" }),
        TypeError,
        "ERR_INVALID_TYPE",
        /^rand: seed: .*got "1"/,
      ],
      [
        "int32",
        () => anyRand([1], { dtype: "int32" }),
        TypeError,
        "ERR_INVALID_TYPE",
        /^rand: dtype: .*float32.*"int32"/,
      ],
      [
        "an unknown dtype",
        () => anyRand([1], { dtype: "float64" }),
        TypeError,
        "ERR_INVALID_TYPE",
        /^rand: dtype: .*"float64"/,
      ],
      [
        "an infinite high",
        () => anyRand([1], { high: Infinity }),
        RangeError,
        "ERR_INVALID_VALUE",
        /^rand: high: .*got Infinity/,
      ],
      [
        "a low above high",
        () => anyRand([3], { low: 2 }),
        RangeError,
        "ERR_INVALID_VALUE",
        /^rand: low: .*at most high, 1, got 2/,
      ],
    ],
    call: () => [rand([2])],
    memory: { rand: () => [rand([9999], { dtype: "bfloat16" })] },
    typical: () => ({ size: "[512, 768]", run: () => rand([512, 768], { seed: 1 }), bytes: 4 * 512 * 768 }),
    mixture: (n) => [rand([n])],
    bits: {
      cases: [
        {
          name: "rand: an interval",
          seed: 67,
          amplitude: 1,
          sizes: { rows: 1, columns: 1001 },
          options: { low: -0.3, high: 1.7, seed: 12345678901 },
        },
      ],
      run: ({ sizes: { rows, columns }, options }) => [rand([rows, columns], options as RandOptions)],
    },
  },
  {
    name: "randn",
    family: "random",
    computes: "normal random numbers",
    error: "the same numbers everywhere",
    property: { trials: normalTrials, numRuns: 60 },
    // prettier-ignore
    gradient: { none: "random numbers are computed from nothing" },
    refusals: [
      ["a negative size", () => anyRandn([-1]), RangeError, "ERR_SHAPE", /^randn: shape: .*got \[-1\]/],
      [
        "a seed of 65 bits",
        () => anyRandn([1], { seed: 2n ** 64n }),
        RangeError,
        "ERR_INVALID_VALUE",
        /^randn: seed: /,
      ],
      [
        "a negative deviation",
        () => anyRandn([1], { standardDeviation: -1 }),
        RangeError,
        "ERR_INVALID_VALUE",
        /standardDeviation: .*got -1/,
      ],
      [
        "PyTorch's name of it",
        () => anyRandn([1], { std: 1 }),
        TypeError,
        "ERR_INVALID_TYPE",
        /^randn: options: unknown option "std"/,
      ],
    ],
    call: () => [randn([2])],
    memory: { randn: () => [randn([9999], { seed: 1 })] },
    typical: () => ({ size: "[512, 768]", run: () => randn([512, 768], { seed: 1 }), bytes: 4 * 512 * 768 }),
    mixture: (n) => [randn([n, 2], { dtype: "float16" })],
    bits: {
      cases: [
        {
          name: "randn: mean and deviation",
          seed: 68,
          amplitude: 1,
          sizes: { rows: 1, columns: 1001 },
          options: { mean: 0.25, standardDeviation: 3, seed: 99 },
        },
      ],
      run: ({ sizes: { rows, columns }, options }) => [randn([rows, columns], options as RandnOptions)],
    },
  },
];
