/** generateSquareSubsequentMask: element by element, and that it does what `isCausal` does. */
import { expect, it } from "vitest";
import { init, MultiheadAttention, rand } from "../../ts/entry/default.js";
import { generateSquareSubsequentMask } from "../../ts/entry/nn.js";
import { forEachArithmetic } from "../support/arithmetics.js";
import { withoutLeak } from "../support/without-leak.js";

forEachArithmetic(() => {
  it.each([0, 1, 2, 5, 33])("is 0 on the diagonal and below it, -Infinity above: %i", (length) => {
    withoutLeak(() => {
      const mask = generateSquareSubsequentMask(length);
      expect([mask.shape, mask.dtype]).toEqual([[length, length], "float32"]);
      const indices = Array.from({ length }, (_, index) => index);
      expect(mask.toNested()).toEqual(indices.map((row) => indices.map((column) => (column > row ? -Infinity : 0))));
    });
  });

  it("hides as isCausal does", () => {
    withoutLeak(() => {
      const attention = new MultiheadAttention(8, 2, { batchFirst: true });
      const x = rand([2, 7, 8]);
      const masked = attention.forward(x, x, x, { attnMask: generateSquareSubsequentMask(7) }).output;
      expect(masked.toArray()).toEqual(attention.forward(x, x, x, { isCausal: true }).output.toArray());
      attention.dispose();
    });
  });
});

it("needs init", async () => {
  (await init()).dispose();
  expect(() => generateSquareSubsequentMask(4)).toThrow(/^generateSquareSubsequentMask: .*init/);
});
