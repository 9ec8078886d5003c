/** conv1d: examples by hand, groups, padding, and what is not finite. */
import { expect, it } from "vitest";
import { conv1d, Tensor } from "../../ts/entry/default.js";
import "../../ts/entry/train.js";
import { forEachArithmetic } from "../support/arithmetics.js";
import { expectThrowsWithoutLeak, withoutLeak } from "../support/without-leak.js";

forEachArithmetic(() => {
  it("slides over the input, and over zeros around it", () => {
    withoutLeak(() => {
      const [input, weight] = [Tensor.from([[1, 2, 4, 8]]), Tensor.from([[[1, 10, 100]]])];
      expect(conv1d(input, weight).toNested()).toEqual([[421, 842]]);
      expect(conv1d(input, weight, undefined, { padding: 1 }).toNested()).toEqual([[210, 421, 842, 84]]);
      expect(conv1d(input, weight, undefined, { padding: 2, stride: 3 }).toNested()).toEqual([[100, 842]]);
      expect(conv1d(input, weight, undefined, { padding: 1, dilation: 2 }).toNested()).toEqual([[820, 41]]);
      expect(conv1d(input, weight, Tensor.from([0.5])).toNested()).toEqual([[421.5, 842.5]]);
    });
  });

  it("sees the channels of its group, of each batch", () => {
    withoutLeak(() => {
      const input = Tensor.from([
        [[1], [2], [3], [4]],
        [[5], [6], [7], [8]],
      ]);
      const weight = Tensor.from([
        [[1], [10]],
        [[100], [1000]],
      ]);
      expect(conv1d(input, weight, undefined, { groups: 2 }).toNested()).toEqual([
        [[21], [4300]],
        [[65], [8700]],
      ]);
    });
  });

  it("multiplies padding as zeros: a weight that isn't finite is NaN there", () => {
    withoutLeak(() => {
      const [input, weight] = [Tensor.from([[1, 2]]), Tensor.from([[[Infinity, 1]]])];
      expect(conv1d(input, weight, undefined, { padding: 1 }).toNested()).toEqual([[NaN, Infinity, Infinity]]);
    });
  });

  it("gives nothing but the bias where there are no channels, and no gradient to what has none", () => {
    withoutLeak(() => {
      const empty = { data: [], shape: [2, 0, 3] };
      const output = conv1d(empty, { data: [], shape: [2, 0, 2] }, Tensor.from([1, 2]));
      expect(output.toNested()).toEqual(
        Array<unknown>(2).fill([
          [1, 1],
          [2, 2],
        ]),
      );
      const [x, w] = [Tensor.from([[1, 2, 3]]), Tensor.from([[[1, 2]]])];
      w.requiresGrad = true;
      conv1d(x, w).backward(Tensor.from([[1, 10]]));
      expect(x.grad).toBe(null);
      expect(w.grad?.toNested()).toEqual([[[21, 32]]]);
    });
  });

  it("is differentiated after its input has been disposed", () => {
    withoutLeak(() => {
      const w = Tensor.from([[[1, 2]]]);
      w.requiresGrad = true;
      const x = Tensor.from([[1, 2, 3]]);
      const output = conv1d(x, w);
      x.dispose();
      // The graph holds the memory.
      output.backward(Tensor.from([[1, 0]]));
      expect(w.grad?.toNested()).toEqual([[[1, 2]]]);
      expectThrowsWithoutLeak(() => conv1d(x, w), TypeError, "ERR_DISPOSED", /^conv1d: input: /);
    });
  });
});
