/** cat, narrow and transpose copy every dtype, bit for bit. */
import { describe, expect, it } from "vitest";
import { cat, type DType, narrow, Tensor, transpose } from "../../ts/entry/default.js";
import * as oracle from "../oracle/rearrangement.js";
import { forEachArithmetic } from "../support/arithmetics.js";
import { withoutLeak } from "../support/without-leak.js";

/** Bits of all kinds, signalling NaN among them. */
const elements: Readonly<Record<DType, (element: number) => number>> = {
  float32: (n) => Math.imul(n + 1, 0x9e3779b1),
  float16: (n) => Math.imul(n + 1, 0x9e37),
  bfloat16: (n) => (n % 5 === 0 ? 0x7f81 : Math.imul(n + 1, 0x9e37)),
  int32: (n) => Math.imul(n + 1, 0x9e3779b1),
  bool: (n) => Number((n * 7) % 5 < 2),
};

function tensorOf(dtype: DType, shape: readonly number[]): { tensor: Tensor; bits: number[] } {
  const length = shape.reduce((product, size) => product * size, 1);
  const words = Array.from({ length }, (_, n) => elements[dtype](n));
  const data = {
    float32: () => new Float32Array(Int32Array.from(words).buffer),
    float16: () => Uint16Array.from(words),
    bfloat16: () => Uint16Array.from(words),
    int32: () => Int32Array.from(words),
    bool: () => Uint8Array.from(words),
  }[dtype]();
  const tensor = Tensor.from(data, shape, dtype);
  return { tensor, bits: bitsOf(tensor) };
}

function bitsOf(tensor: Tensor): number[] {
  const array = tensor.toArray();
  return Array.from(array instanceof Float32Array ? new Int32Array(array.buffer) : array);
}

const shape = [2, 19, 3, 5];

forEachArithmetic(() => {
  describe.each(Object.keys(elements) as DType[])("%s", (dtype) => {
    it.each([0, 1, 2, 3])("is joined and cut along axis %i", (axis) => {
      withoutLeak(() => {
        const { tensor, bits } = tensorOf(dtype, shape);
        const joined = cat([tensor, tensor], { axis });
        const expected = oracle.cat([shape, shape], axis);
        expect({ shape: joined.shape, dtype: joined.dtype }).toEqual({ shape: expected.shape, dtype });
        expect(bitsOf(joined)).toEqual(expected.from.map(([, element]) => bits[element]));
        const part = narrow(joined, axis, -shape[axis], shape[axis]);
        expect(part.dtype).toBe(dtype);
        expect(bitsOf(part)).toEqual(bits);
      });
    });

    it.each([
      [0, 1],
      [1, 2],
      [1, 3],
      [2, 3],
      [3, 0],
      [2, 2],
    ])("has axes %i and %i exchanged", (first, second) => {
      withoutLeak(() => {
        const { tensor, bits } = tensorOf(dtype, shape);
        const exchanged = transpose(tensor, first, second);
        const expected = oracle.transpose(shape, first, second);
        expect({ shape: exchanged.shape, dtype: exchanged.dtype }).toEqual({ shape: expected.shape, dtype });
        expect(bitsOf(exchanged)).toEqual(expected.from.map((element) => bits[element]));
      });
    });
  });

  it("a single number has one axis to exchange with itself", () => {
    withoutLeak(() => {
      const number = transpose({ data: [7], shape: [] }, 0, -1);
      expect([number.shape, number.item()]).toEqual([[], 7]);
    });
  });

  it("a copy is not the input", () => {
    withoutLeak(() => {
      const input = Tensor.from([1, 2]);
      for (const copy of [cat([input]), narrow(input, 0, 0, 2), transpose(input, 0, 0)]) {
        copy.view().fill(9);
        expect(input.toNested()).toEqual([1, 2]);
      }
    });
  });
});
