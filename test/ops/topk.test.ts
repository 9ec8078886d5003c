/** argmax and topk: equal elements, zeros of both signs, NaN, and where gradients go. */
import { expect, it } from "vitest";
import { argmax, Tensor, topk } from "../../ts/entry/default.js";
import "../../ts/entry/train.js";
import { forEachArithmetic } from "../support/arithmetics.js";
import { withoutLeak } from "../support/without-leak.js";

forEachArithmetic(() => {
  it("takes the first of equal ones; NaN is the largest", () => {
    withoutLeak(() => {
      const largest = (...row: number[]): unknown => argmax(Tensor.from(row)).item();
      expect(largest(1, 3, 3, 2)).toBe(1);
      expect(largest(-0, 0)).toBe(0);
      expect(largest(1, NaN, Infinity, NaN)).toBe(1);
      expect(largest(-Infinity, -Infinity)).toBe(0);
      const { values, indices } = topk(Tensor.from([0, NaN, 7, -0, 7, -Infinity, NaN]), 7);
      expect(values.toNested()).toEqual([NaN, NaN, 7, 7, 0, -0, -Infinity]);
      expect(indices.toNested()).toEqual([1, 6, 2, 4, 0, 3, 5]);
      expect(indices.dtype).toBe("int32");
    });
  });

  it("goes along any axis, which argmax leaves out or keeps", () => {
    withoutLeak(() => {
      const input = Tensor.from([
        [1, 5, 3],
        [4, 2, 6],
      ]).to("float16");
      expect(argmax(input).toNested()).toEqual([1, 2]);
      expect(argmax(input, { axis: 0 }).toNested()).toEqual([1, 0, 1]);
      expect(argmax(input, { axis: -2, keepDims: true }).toNested()).toEqual([[1, 0, 1]]);
      const { values, indices } = topk(input, 2, { axis: 0 });
      expect(values.dtype).toBe("float16");
      expect(values.toNested()).toEqual([
        [4, 5, 6],
        [1, 2, 3],
      ]);
      expect(indices.toNested()).toEqual([
        [1, 0, 1],
        [0, 1, 0],
      ]);
      expect(topk(input, 0).values.shape).toEqual([2, 0]);
    });
  });

  it("takes a single number as an axis of one", () => {
    withoutLeak(() => {
      const number = { data: [7], shape: [] };
      expect(argmax(number).toNested()).toBe(0);
      expect(argmax(number, { keepDims: true }).shape).toEqual([]);
      expect(topk(number, 1).values.toNested()).toBe(7);
    });
  });

  it("gives the gradient to the elements that were chosen, and none for indices", () => {
    withoutLeak(() => {
      const input = Tensor.from([2, 7, NaN, 7]);
      input.requiresGrad = true;
      const { values, indices } = topk(input, 3);
      expect([values.requiresGrad, indices.requiresGrad, argmax(input).requiresGrad]).toEqual([true, false, false]);
      values.backward(Tensor.from([1, 2, 3]));
      expect(input.grad?.toNested()).toEqual([0, 2, 1, 3]);
    });
  });
});
