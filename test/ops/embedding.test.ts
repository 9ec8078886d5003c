/** embedding and sinusoidalPositions against the oracles; what they refuse. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { embedding, type IndicesLike, sinusoidalPositions, Tensor } from "../../ts/entry/default.js";
import { forEachArithmetic } from "../support/arithmetics.js";
import {
  count,
  dataSeeds,
  floatTypes,
  given,
  layerSizes,
  leadingAxes,
  randomOperand,
} from "../cases/layer-operands.js";
import { expectWithin } from "../support/expect-within.js";
import * as oracle from "../oracle/layers.js";
import { expectThrowsWithoutLeak, withoutLeak } from "../support/without-leak.js";

const recipes = fc.record({
  dtype: floatTypes,
  shape: leadingAxes,
  rows: fc.integer({ min: 1, max: 40 }),
  width: layerSizes,
  isTensor: fc.boolean(),
  dataSeed: dataSeeds,
});

forEachArithmetic(() => {
  it("embedding copies rows bit for bit, from tables of every dtype", () => {
    fc.assert(
      fc.property(recipes, ({ dtype, shape, rows, width, isTensor, dataSeed }) => {
        const weight = randomOperand(dataSeed, dtype, [rows, width]);
        const indices = Int32Array.from({ length: count(shape) }, (_, at) => (at * 31 + dataSeed) % rows);
        const expected = oracle.embedding(weight.values, indices, width);
        withoutLeak(() => {
          const picked = { data: indices, shape };
          const output = embedding(isTensor ? Tensor.from(picked) : picked, given(weight, isTensor));
          expectWithin(output, dtype, [...shape, width], expected, () => 0);
        });
      }),
      { numRuns: 100 },
    );
  });

  it("embedding keeps NaN's bits and zero's sign", () => {
    withoutLeak(() => {
      const bits = new Uint16Array([0x7e01, 0x8000, 0xfc00, 1]);
      expect(embedding([1, 0], { data: bits, shape: [2, 2], dtype: "float16" }).toArray()).toEqual(
        new Uint16Array([0xfc00, 1, 0x7e01, 0x8000]),
      );
      const floats = new Float32Array(new Uint32Array([0x7fc00001, 0x80000000]).buffer);
      const copied = embedding([0], { data: floats, shape: [1, 2] }).toArray();
      expect(new Uint32Array(copied.buffer)).toEqual(new Uint32Array([0x7fc00001, 0x80000000]));
    });
  });

  it("embedding takes indices in many forms", () => {
    withoutLeak(() => {
      const weight = { data: [[1], [2], [3]], shape: [3, 1] };
      const forms: [IndicesLike, number[]][] = [
        [[2, 0], [2]],
        [[[2, 0]], [1, 2]],
        [new Int32Array([2, 0]), [2]],
        [new Uint8Array([2, 0]), [2]],
        [new Uint32Array([2, 0]), [2]],
        [new BigInt64Array([2n, 0n]), [2]],
        [new BigUint64Array([2n, 0n]), [2]],
        [
          [[2n], [0n]],
          [2, 1],
        ],
        [{ data: new BigInt64Array([2n, 0n]), shape: [1, 2] }, [1, 2]],
        [{ data: [2n, 0n], shape: [2, 1] }, [2, 1]],
        [{ data: [2, 0], shape: [2, 1] }, [2, 1]],
        [Tensor.from(new Int32Array([2, 0])), [2]],
        [{ data: [2, 0], shape: [2], dtype: "int32" }, [2]],
        [{ data: new Int32Array([2, 0]), shape: [2, 1] }, [2, 1]],
      ];
      for (const [indices, shape] of forms) {
        const output = embedding(indices, weight);
        expect(output.shape).toEqual([...shape, 1]);
        expect(Array.from(output.toArray())).toEqual([3, 1]);
      }
      expect(embedding({ data: new Int32Array([1]), shape: [] }, weight).toNested()).toEqual([2]);
      expect(embedding([], { data: [], shape: [0, 5] }).shape).toEqual([0, 5]);
    });
  });

  it("sinusoidalPositions is within 2^-24 of the oracle", () => {
    withoutLeak(() => {
      for (const [rows, width] of [
        [1, 1],
        [7, 5],
        [300, 16],
        [50, 64],
        [0, 8],
        [8, 0],
        [2000, 3],
      ]) {
        const expected = oracle.sinusoidalPositions(rows, width);
        expectWithin(sinusoidalPositions(rows, width), "float32", [rows, width], expected, () => 2 ** -24);
      }
    });
  });

  describe("embedding refuses", () => {
    const weight = { data: new Float32Array(12), shape: [3, 4] };
    const tensor = (values: Float32Array | Uint8Array): { data: Float32Array | Uint8Array; shape: number[] } => ({
      data: values,
      shape: [values.length],
    });
    // prettier-ignore
    const cases: [string, () => unknown, typeof TypeError | typeof RangeError, string, RegExp][] = [
      ["an index over the rows", () => embedding([0, 3], weight), RangeError, "ERR_INVALID_VALUE", /indices, element 1: .*0 to 2, got 3/],
      ["a negative index", () => embedding(new Int32Array([-1]), weight), RangeError, "ERR_INVALID_VALUE", /indices, element 0: .*got -1/],
      ["an index of a tensor", () => embedding({ data: new Int32Array([0, 9]), shape: [1, 2] }, weight), RangeError, "ERR_INVALID_VALUE", /element 1: .*got 9/],
      ["an index that int32 would wrap", () => embedding([2 ** 32], weight), RangeError, "ERR_INVALID_VALUE", /got 4294967296/],
      ["a fraction", () => embedding([0.5], weight), RangeError, "ERR_INVALID_VALUE", /got 0.5/],
      ["NaN", () => embedding([NaN], weight), RangeError, "ERR_INVALID_VALUE", /got NaN/],
      ["an index into nothing", () => embedding([0], { data: [], shape: [0, 4] }), RangeError, "ERR_INVALID_VALUE", /no rows/],
      ["a float tensor", () => embedding(tensor(new Float32Array(2)), weight), TypeError, "ERR_INVALID_TYPE", /indices: .*int32.*"float32"/],
      ["a bool tensor", () => embedding(tensor(new Uint8Array(2)), weight), TypeError, "ERR_INVALID_TYPE", /indices: .*int32.*"bool"/],
      ["a Float32Array", () => embedding(new Float32Array(2) as never, weight), TypeError, "ERR_INVALID_TYPE", /indices: .*Float32Array/],
      ["a 64-bit index over the rows", () => embedding(new BigInt64Array([0n, 3n]), weight), RangeError, "ERR_INVALID_VALUE", /indices, element 1: .*0 to 2, got 3/],
      ["an index that 32 bits don't hold", () => embedding({ data: [2n ** 32n], shape: [1] }, weight), RangeError, "ERR_INVALID_VALUE", /indices\.data, element 0: .*got 4294967296n/],
      ["a fraction with a shape", () => embedding({ data: [0.5], shape: [1] }, weight), RangeError, "ERR_INVALID_VALUE", /indices\.data, element 0: .*got 0.5/],
      ["numbers that are said to be floats", () => embedding({ data: [1], shape: [1], dtype: "float32" }, weight), TypeError, "ERR_INVALID_TYPE", /indices: .*int32.*"float32"/],
      ["a text", () => embedding("5" as never, weight), TypeError, "ERR_INVALID_TYPE", /indices: expected an array of integers, a typed array of them, an int32 Tensor or \{ data, shape \}, got "5"/],
      ["a DataView", () => embedding(new DataView(new ArrayBuffer(8)) as never, weight), TypeError, "ERR_INVALID_TYPE", /indices: expected an array of integers.*DataView/],
      ["booleans", () => embedding([true], weight), TypeError, "ERR_INVALID_TYPE", /indices: .*numbers/],
      ["a number", () => embedding(1 as never, weight), TypeError, "ERR_INVALID_TYPE", /indices: .*got 1/],
      ["ragged arrays", () => embedding([[0], [1, 2]], weight), RangeError, "ERR_SHAPE", /indices: /],
      ["a weight of rank 1", () => embedding([0], { data: [1], shape: [1] }), RangeError, "ERR_SHAPE", /weight: .*\[rows, columns\]/],
      ["an integer weight", () => embedding([0], { data: new Int32Array(2), shape: [1, 2] }), TypeError, "ERR_INVALID_TYPE", /weight: .*"int32"/],
      ["the arguments exchanged", () => embedding(weight, [0] as never), TypeError, "ERR_INVALID_TYPE", /weight: .*got \[0\]/],
    ];
    it.each(cases)("%s", (_, call, kind, code, message) => {
      withoutLeak(() => {
        expectThrowsWithoutLeak(call, kind, code as "ERR_SHAPE", message);
        expect(embedding([2], weight).shape).toEqual([1, 4]);
      });
    });
  });

  it("sinusoidalPositions refuses sizes that are none", () => {
    withoutLeak(() => {
      const positions = sinusoidalPositions as (length: unknown, embedDim: unknown) => unknown;
      expectThrowsWithoutLeak(() => positions(-1, 4), RangeError, "ERR_INVALID_VALUE", /length: .*got -1/);
      expectThrowsWithoutLeak(() => positions(4, 1.5), RangeError, "ERR_INVALID_VALUE", /embedDim: .*got 1.5/);
      expectThrowsWithoutLeak(() => positions("4", 4), TypeError, "ERR_INVALID_TYPE", /length: .*got "4"/);
      expectThrowsWithoutLeak(
        () => positions(4, undefined),
        TypeError,
        "ERR_INVALID_TYPE",
        /embedDim: .*got undefined/,
      );
      expectThrowsWithoutLeak(() => positions(2 ** 20, 2 ** 20), RangeError, "ERR_OUT_OF_MEMORY", /out of memory/);
      expectThrowsWithoutLeak(() => positions(2 ** 40, 2 ** 40), RangeError, "ERR_SHAPE", /length, embedDim/);
    });
  });
});
