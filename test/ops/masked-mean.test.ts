/** maskedMean: what is hidden leaks nothing, and all kinds of masks. */
import { expect, it } from "vitest";
import { maskedMean, type MaskLike, Tensor } from "../../ts/entry/default.js";
import "../../ts/entry/train.js";
import { forEachArithmetic } from "../support/arithmetics.js";
import { withoutLeak } from "../support/without-leak.js";

forEachArithmetic(() => {
  it("leaks nothing of what is hidden, and gives 0 where nothing is seen", () => {
    withoutLeak(() => {
      const input = Tensor.from([
        [
          [1, 2],
          [NaN, Infinity],
          [3, 6],
        ],
        [
          [NaN, 1],
          [NaN, 1],
          [Infinity, 1],
        ],
      ]);
      input.requiresGrad = true;
      const output = maskedMean(input, [
        [1, 0, 1],
        [0, 0, 0],
      ]);
      expect(output.toNested()).toEqual([
        [2, 4],
        [0, 0],
      ]);
      output.backward(
        Tensor.from([
          [1, NaN],
          [NaN, Infinity],
        ]),
      );
      expect(input.grad?.toNested()).toEqual([
        [
          [0.5, NaN],
          [0, 0],
          [0.5, NaN],
        ],
        [
          [0, 0],
          [0, 0],
          [0, 0],
        ],
      ]);
    });
  });

  it("takes masks of all kinds, and weights", () => {
    withoutLeak(() => {
      const input = Tensor.from([[[1], [2], [6]]]);
      const masks: readonly MaskLike[] = [
        [[true, false, true]],
        [[1n, 0n, 1n]],
        Tensor.from([[true, false, true]]),
        { data: new BigInt64Array([1n, 0n, 1n]), shape: [1, 3] },
        Tensor.from([[2, 0, 2]]),
        Tensor.from([[0.5, 0, 0.5]]).to("bfloat16"),
      ];
      for (const mask of masks) expect(maskedMean(input, mask).toNested()).toEqual([[3.5]]);
      expect(maskedMean(input, Tensor.from([[1, 0, 3]])).toNested()).toEqual([[4.75]]);
      expect(maskedMean(input, Tensor.from([[NaN, 0, 1]])).toNested()).toEqual([[NaN]]);
    });
  });

  it("divides by no less than 1e-9", () => {
    withoutLeak(() => {
      const input = Tensor.from([[[1], [1]]]);
      const mean = maskedMean(input, Tensor.from([[1e-12, 1e-12]])).toNested() as number[][];
      expect(mean[0][0]).toBeCloseTo(2e-3, 8);
    });
  });
});
