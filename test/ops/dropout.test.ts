/** dropout: its limits, how often it drops, and what it takes from the package's generator. */
import { expect, it } from "vitest";
import { dropout, manualSeed, rand, Tensor } from "../../ts/entry/default.js";
import "../../ts/entry/train.js";
import { drawSeed } from "../../ts/ops/random.js";
import { forEachArithmetic } from "../support/arithmetics.js";
import { withoutLeak } from "../support/without-leak.js";

forEachArithmetic(() => {
  it("copies for a probability of 0, and gives zeros for 1", () => {
    withoutLeak(() => {
      const input = Tensor.from([1, -2, 3]);
      const copy = dropout(input, { p: 0 });
      copy.view()[0] = 9;
      expect(input.toNested()).toEqual([1, -2, 3]);
      expect(copy.toNested()).toEqual([9, -2, 3]);
      expect(dropout(input, { p: 1 }).toNested()).toEqual([0, -0, 0]);
    });
  });

  it("drops each element with its probability, and keeps the mean", () => {
    withoutLeak(() => {
      const length = 100_000;
      const ones = Tensor.from(new Float32Array(length).fill(1));
      for (const p of [undefined, 0.1, 0.9]) {
        const result = dropout(ones, { p, seed: 3 }).toArray();
        const share = p ?? 0.5;
        const dropped = result.filter((x) => x === 0).length / length;
        // Five standard errors.
        expect(Math.abs(dropped - share)).toBeLessThan(5 * Math.sqrt((share * (1 - share)) / length));
        expect(new Set(result)).toEqual(new Set([0, Math.fround(1 / (1 - share))]));
      }
    });
  });

  it("takes one seed from the generator, and none where it needs none", () => {
    withoutLeak(() => {
      const input = Tensor.from(new Float32Array(200).fill(1));
      manualSeed(5);
      const [first, second] = [drawSeed("test"), drawSeed("test")];
      const next = rand([1]).item();
      manualSeed(5);
      dropout(input, { p: 0 });
      dropout(input, { seed: 7 });
      expect(dropout(input).toArray()).toEqual(dropout(input, { seed: first }).toArray());
      expect(dropout(input, { p: 1 }).toArray()).toEqual(new Float32Array(200));
      expect(second).not.toBe(first);
      expect(rand([1]).item()).toBe(next);
    });
  });

  it("makes NaN of what it drops where that isn't finite, as PyTorch, in the gradient too", () => {
    withoutLeak(() => {
      const input = Tensor.from(new Float32Array(64).fill(Infinity));
      input.requiresGrad = true;
      const output = dropout(input, { seed: 1 });
      expect(new Set(output.toArray())).toEqual(new Set([NaN, Infinity]));
      output.backward(Tensor.from(new Float32Array(64).fill(-Infinity)));
      expect(input.grad?.toArray()).toEqual(output.toArray().map((x) => -x));
    });
  });
});
