import fc from "fast-check";
import { sinusoidalPositions } from "../../../ts/entry/default.js";
import * as oracle from "../../oracle/sinusoidal-positions.js";
import { type ErrorBound, evaluate } from "../error-bound.js";
import type { OperationRecord } from "../operation.js";

const bound: ErrorBound = [["2^-24"]];

const untyped = sinusoidalPositions as (length: unknown, embedDim: unknown) => never;
const sizes = fc.oneof(fc.integer({ min: 0, max: 70 }), fc.constantFrom(300, 2000));

export const sinusoidalPositionsRecord: OperationRecord = {
  name: "sinusoidalPositions",
  family: "sinusoidal-positions",
  computes: "sines and cosines of positions",
  error: { sinusoidalPositions: bound },
  property: {
    trials: fc.tuple(sizes, fc.integer({ min: 0, max: 70 })).map(([rows, columns]) => ({
      run: () => sinusoidalPositions(rows, columns),
      dtype: "float32",
      shape: [rows, columns],
      expected: oracle.sinusoidalPositions(rows, columns),
      tolerance: () => evaluate(bound, {}),
    })),
    numRuns: 20,
  },
  // prettier-ignore
  gradient: { none: "it has no operand that is learnt" },
  refusals: [
    [
      "a negative length",
      () => untyped(-1, 4),
      RangeError,
      "ERR_INVALID_VALUE",
      /^sinusoidalPositions: length: .*got -1/,
    ],
    ["a fraction", () => untyped(4, 1.5), RangeError, "ERR_INVALID_VALUE", /embedDim: .*got 1.5/],
    ["a text", () => untyped("4", 4), TypeError, "ERR_INVALID_TYPE", /length: .*got "4"/],
    ["one size", () => untyped(4, undefined), TypeError, "ERR_INVALID_TYPE", /embedDim: .*got undefined/],
    ["more than fits", () => untyped(2 ** 20, 2 ** 20), RangeError, "ERR_OUT_OF_MEMORY", /out of memory/],
    ["more than can be counted", () => untyped(2 ** 40, 2 ** 40), RangeError, "ERR_SHAPE", /length, embedDim/],
  ],
  call: () => [sinusoidalPositions(3, 4)],
  memory: { sinusoidalPositions: () => [sinusoidalPositions(300, 64)] },
  typical: () => ({ size: "[512, 768]", run: () => sinusoidalPositions(512, 768), bytes: 4 * 512 * 768 }),
  mixture: (n) => [sinusoidalPositions(n, 8)],
  bits: {
    cases: [{ name: "sinusoidalPositions: odd width", seed: 66, amplitude: 1, sizes: { rows: 300, columns: 23 } }],
    run: ({ sizes: { rows, columns } }) => [sinusoidalPositions(rows, columns)],
  },
};
