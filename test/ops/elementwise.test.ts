/** add, mul, sum and mean: numbers as operands, what is special in float32, and what several dtypes give. */
import { expect, it } from "vitest";
import { add, mean, mul, sum, Tensor, type TensorData } from "../../ts/entry/default.js";
import { forEachArithmetic } from "../support/arithmetics.js";
import { withoutLeak } from "../support/without-leak.js";

const row = (...data: number[]): TensorData => ({ data, shape: [data.length] });

forEachArithmetic(() => {
  it("the result has the dtype of the first tensor", () => {
    withoutLeak(() => {
      const [half, single] = [Tensor.from([1.5], [1], "float16"), Tensor.from([1 + 2 ** -20])];
      expect(add(half, single).dtype).toBe("float16");
      expect(add(single, half).dtype).toBe("float32");
      expect(add(2, half).dtype).toBe("float16");
      expect(mul(half, 2).dtype).toBe("float16");
      // The second operand keeps its precision until the sum is rounded.
      expect(add(single, half).item()).toBe(2.5 + 2 ** -20);
    });
  });

  it("a number may be anything that float32 has", () => {
    withoutLeak(() => {
      expect(add(row(1, -Infinity), Infinity).toNested()).toEqual([Infinity, NaN]);
      expect(mul(0.1, row(1)).toNested()).toEqual([Math.fround(0.1)]);
      expect(mul(row(0, 1), -Infinity).toNested()).toEqual([NaN, -Infinity]);
      expect(add(NaN, row(1)).toNested()).toEqual([NaN]);
      expect(add({ data: [1], shape: [] }, 2).toNested()).toBe(3);
    });
  });

  it("sums and means have the limits that PyTorch's have", () => {
    withoutLeak(() => {
      const empty = { data: [], shape: [2, 0] };
      expect(sum(empty).item()).toBe(0);
      expect(sum(empty, { axis: 1 }).toNested()).toEqual([0, 0]);
      expect(sum(empty, { axis: 0, keepDims: true }).shape).toEqual([1, 0]);
      expect(mean(empty).item()).toBe(NaN);
      expect(mean(row(Infinity, 1)).item()).toBe(Infinity);
      expect(sum(row(Infinity, -Infinity)).item()).toBe(NaN);
      expect(sum({ data: [7], shape: [] }, { axis: -1 }).toNested()).toBe(7);
      expect(sum({ data: [7], shape: [] }).shape).toEqual([]);
      expect(sum({ data: [65504, 65504, -65504], shape: [3], dtype: "float16" }).item()).toBe(65504);
    });
  });
});
