/** linear: a row by itself, NaN and infinity. */
import { expect, it } from "vitest";
import { linear } from "../../ts/entry/default.js";
import { forEachArithmetic } from "../support/arithmetics.js";
import { given, randomOperand } from "../cases/layer-operands.js";
import { withoutLeak } from "../support/without-leak.js";

forEachArithmetic(() => {
  it("gives a row the same bits alone and in a batch", () => {
    withoutLeak(() => {
      const input = randomOperand(1, "float32", [13, 37]);
      const weight = given(randomOperand(2, "float32", [19, 37]), true);
      const batch = linear(given(input, false), weight).toArray();
      for (let row = 0; row < 13; row++) {
        const alone = linear({ data: input.data.slice(row * 37, (row + 1) * 37), shape: [37] }, weight);
        expect(alone.shape).toEqual([19]);
        expect(alone.toArray()).toEqual(batch.slice(row * 19, (row + 1) * 19));
      }
    });
  });

  it("spreads NaN and infinity where they belong", () => {
    withoutLeak(() => {
      const weight = [
        [1, 0],
        [1, 1],
      ];
      const output = linear(
        {
          data: [
            [NaN, 1],
            [1, Infinity],
            [1, 1],
          ],
          shape: [3, 2],
        },
        { data: weight, shape: [2, 2] },
      );
      expect(output.toNested()).toEqual([
        [NaN, NaN],
        [NaN, Infinity],
        [1, 2],
      ]);
    });
  });
});
