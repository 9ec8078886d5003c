/** Ids, positions, lengths and selections in every form that integers come in; what is said of other kinds. */
import { describe, expect, it } from "vitest";
import {
  embedding,
  type IndicesLike,
  rotaryEmbedding,
  scaledDotProductAttention,
  type ScaledDotProductAttentionOptions,
  Tensor,
} from "../../ts/entry/default.js";
import { forEachArithmetic } from "../support/arithmetics.js";
import { expectThrowsWithoutLeak, withoutLeak } from "../support/without-leak.js";

/** The forms of one axis of integers. */
const formsOf = (integers: readonly number[]): IndicesLike[] => [
  [...integers],
  integers.map(BigInt),
  BigInt64Array.from(integers, BigInt),
  BigUint64Array.from(integers, BigInt),
  Int32Array.from(integers),
  Uint8Array.from(integers),
  Uint32Array.from(integers),
  { data: BigInt64Array.from(integers, BigInt), shape: [integers.length] },
  { data: [...integers], shape: [integers.length], dtype: "int32" },
  { data: [...integers], shape: [integers.length] },
  Tensor.from(Int32Array.from(integers)),
  Tensor.from(BigInt64Array.from(integers, BigInt)),
];

const data = (...shape: number[]): { data: Float32Array; shape: number[] } => ({
  data: Float32Array.from({ length: shape.reduce((a, b) => a * b) }, (_, index) => ((index * 37) % 23) / 8 - 1),
  shape,
});

forEachArithmetic(() => {
  const query = data(2, 3, 4, 8);
  const key = data(2, 3, 5, 8);
  const attend = (options: ScaledDotProductAttentionOptions): Tensor[] =>
    Object.values(scaledDotProductAttention(query, key, key, options));

  it("keyLengths", () => {
    withoutLeak(() => {
      const masked = attend({ attnMask: { data: [1, 1, 0, 0, 0, 1, 1, 1, 1, 1], shape: [2, 1, 1, 5], dtype: "bool" } });
      for (const keyLengths of formsOf([2, 5])) {
        expect(attend({ keyLengths: keyLengths })[0].toArray()).toEqual(masked[0].toArray());
      }
    });
  });

  it("needWeights.heads and needWeights.rows", () => {
    withoutLeak(() => {
      const whole = attend({ needWeights: true })[1].toNested() as number[][][][];
      const expected = whole.map((heads) => [2, 0].map((head) => [3, 1, 1].map((row) => heads[head][row])));
      const rows = formsOf([3, 1, 1]);
      formsOf([2, 0]).forEach((heads, at) => {
        const [, weights] = attend({ needWeights: { heads, rows: rows[at] } });
        expect(weights.toNested()).toEqual(expected);
      });
    });
  });

  it("positionIds and indices", () => {
    withoutLeak(() => {
      const input = data(2, 3, 4, 8);
      const turned = rotaryEmbedding(input, { positionIds: Int32Array.of(7, 0, 3, 3) }).toArray();
      for (const positionIds of formsOf([7, 0, 3, 3])) {
        expect(rotaryEmbedding(input, { positionIds }).toArray()).toEqual(turned);
      }
      const nested = [[7n, 0n, 3n, 3n], [7n, 0n, 3n, 3n]]; // prettier-ignore
      expect(rotaryEmbedding(input, { positionIds: nested }).toArray()).toEqual(turned);
      for (const indices of formsOf([2, 0])) {
        expect(embedding(indices, { data: [1, 2, 3], shape: [3, 1] }).toNested()).toEqual([[3], [1]]);
      }
    });
  });

  describe("refused:", () => {
    const numbers = "expected an array of numbers, a typed array, a Tensor or \\{ data, shape \\}, got ";
    const integers =
      "expected an array of integers, a typed array of them, an int32 Tensor or \\{ data, shape \\}, got ";
    const call = (options: object) => () => attend(options);
    const turn = (positionIds: unknown) => () => rotaryEmbedding(query, { positionIds: positionIds as IndicesLike });
    // prettier-ignore
    const cases: [string, () => unknown, typeof TypeError | typeof RangeError, "ERR_INVALID_TYPE" | "ERR_INVALID_VALUE" | "ERR_SHAPE", string][] = [
      ["a single length", call({ keyLengths: 2 }), TypeError, "ERR_INVALID_TYPE", `keyLengths: ${numbers}2`],
      ["a single slope", call({ alibiSlopes: 0.5 }), TypeError, "ERR_INVALID_TYPE", `alibiSlopes: ${numbers}0.5`],
      ["a single sink", call({ sinks: 1 }), TypeError, "ERR_INVALID_TYPE", `sinks: ${numbers}1`],
      ["lengths of text", call({ keyLengths: "2" }), TypeError, "ERR_INVALID_TYPE", `keyLengths: ${numbers}"2"`],
      ["a DataView", call({ keyLengths: new DataView(new ArrayBuffer(8)) }), TypeError, "ERR_INVALID_TYPE", `keyLengths: ${numbers}DataView\\(8\\)`],
      ["a length out of range", call({ keyLengths: BigInt64Array.of(2n, 6n) }), RangeError, "ERR_INVALID_VALUE", "keyLengths\\[1\\]: expected an integer from 0 to 5, got 6"],
      ["positions of text", turn("5"), TypeError, "ERR_INVALID_TYPE", `positionIds: ${integers.replace("expected", "expected an integer, or")}"5"`],
      ["positions of floats", turn(new Float64Array(4)), TypeError, "ERR_INVALID_TYPE", `positionIds: ${integers}Float64Array\\(4\\)`],
      ["a position below 0", turn([0n, 1n, -2n, 0n]), RangeError, "ERR_INVALID_VALUE", "positionIds, element 2: expected an integer from 0 to 2147483647, got -2"],
      ["indices of text", () => embedding("5" as never, data(3, 1)), TypeError, "ERR_INVALID_TYPE", `indices: ${integers}"5"`],
      ["a head of text", call({ needWeights: { heads: "0" } }), TypeError, "ERR_INVALID_TYPE", `needWeights\\.heads: ${integers}"0"`],
      ["a head out of range", call({ needWeights: { heads: [0n, 3n] } }), RangeError, "ERR_INVALID_VALUE", "needWeights\\.heads, element 1: expected an integer from 0 to 2, got 3"],
      ["rows of two axes", call({ needWeights: { rows: [[0], [1]] } }), RangeError, "ERR_SHAPE", "needWeights\\.rows: expected shape \\[2\\], got \\[2, 1\\]"],
      ["rows that are floats", call({ needWeights: { rows: new Float32Array(1) } }), TypeError, "ERR_INVALID_TYPE", `needWeights\\.rows: ${integers}Float32Array\\(1\\)`],
    ];
    it.each(cases)("%s", (_, refused, kind, code, message) => {
      withoutLeak(() => {
        expectThrowsWithoutLeak(refused, kind, code, new RegExp(`: ${message}$`));
      });
    });
  });
});
