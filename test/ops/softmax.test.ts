/** softmax: its default axis, its limits, and tensors that are gone. */
import { expect, it } from "vitest";
import { softmax, Tensor } from "../../ts/entry/default.js";
import { forEachArithmetic } from "../support/arithmetics.js";
import { expectThrowsWithoutLeak, withoutLeak } from "../support/without-leak.js";

forEachArithmetic(() => {
  it("takes the last axis by default, and a single number as an axis", () => {
    withoutLeak(() => {
      const data = [0, -Infinity, 0, 0];
      expect(softmax({ data, shape: [2, 2] }).toNested()).toEqual([
        [1, 0],
        [0.5, 0.5],
      ]);
      expect(softmax({ data: [7], shape: [] }).toNested()).toBe(1);
      expect(softmax({ data: [7], shape: [] }, { axis: 0 }).shape).toEqual([]);
    });
  });

  it("has the limits that PyTorch has", () => {
    withoutLeak(() => {
      const rows = (...data: number[]): unknown => softmax({ data: [data], shape: [1, data.length] }).toNested();
      expect(rows(3e38, -3e38, 3e38)).toEqual([[0.5, 0, 0.5]]);
      expect(rows(-Infinity, 0, 0)).toEqual([[0, 0.5, 0.5]]);
      expect(rows(0, -69.4, -1000)).toEqual([[1, 0, 0]]);
      expect(rows(NaN, 0)).toEqual([[NaN, NaN]]);
      expect(rows(Infinity, 0)).toEqual([[NaN, NaN]]);
      expect(rows(-Infinity, -Infinity)).toEqual([[NaN, NaN]]);
    });
  });

  it("has no result that is subnormal", () => {
    withoutLeak(() => {
      const input = { data: Float32Array.from({ length: 2000 }, (_, n) => -n / 10), shape: [2000] };
      const output = Array.from(softmax(input).toArray());
      expect(output.filter((weight) => weight > 0 && weight < 2 ** -126)).toEqual([]);
    });
  });

  it("refuses a tensor that has been disposed", () => {
    withoutLeak(() => {
      const input = Tensor.from(new Float32Array(2));
      input.dispose();
      expectThrowsWithoutLeak(() => softmax(input), TypeError, "ERR_DISPOSED", /softmax: input: /);
    });
  });
});
