/** linear against the float64 oracle, with the error that the kernel states; what it refuses. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { linear, Tensor } from "../../ts/entry/default.js";
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

const floats = (...shape: number[]): { data: Float32Array; shape: number[] } => ({
  data: Float32Array.from({ length: count(shape) }, (_, n) => (n % 7) - 3),
  shape,
});

forEachArithmetic(() => {
  it("is within the stated error of the oracle", () => {
    const recipes = fc.record({
      dtypes: fc.tuple(floatTypes, floatTypes, floatTypes),
      leading: fc.oneof(
        leadingAxes,
        layerSizes.map((rows) => [rows]),
      ),
      inFeatures: layerSizes,
      outFeatures: layerSizes,
      hasBias: fc.boolean(),
      isTensor: fc.boolean(),
      dataSeed: dataSeeds,
    });
    fc.assert(
      fc.property(recipes, ({ dtypes, leading, inFeatures, outFeatures, hasBias, isTensor, dataSeed }) => {
        const rows = count(leading);
        fc.pre(rows * inFeatures * outFeatures < 300_000);
        const input = randomOperand(dataSeed, dtypes[0], [...leading, inFeatures]);
        const weight = randomOperand(dataSeed + 1, dtypes[1], [outFeatures, inFeatures]);
        const bias = hasBias ? randomOperand(dataSeed + 2, dtypes[2], [outFeatures]) : undefined;
        const magnitudes = [input.values, weight.values, bias?.values ?? []].map((values) => values.map(Math.abs));
        const truth = oracle.linear(input.values, weight.values, bias?.values, rows, inFeatures, outFeatures);
        const [x, w, b] = magnitudes;
        const sums = oracle.linear(x, w, hasBias ? b : undefined, rows, inFeatures, outFeatures);
        withoutLeak(() => {
          const output = linear(
            given(input, isTensor),
            given(weight, isTensor),
            bias === undefined ? undefined : given(bias, isTensor),
          );
          const shape = [...leading, outFeatures];
          expectWithin(output, dtypes[0], shape, truth, (index) => (inFeatures + 1) * 2 ** -24 * sums[index]);
        });
      }),
      { numRuns: 200 },
    );
  });

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

  describe("refuses", () => {
    const integers = { data: new Int32Array(12), shape: [3, 4] };
    // prettier-ignore
    const cases: [string, () => unknown, typeof TypeError | typeof RangeError, RegExp][] = [
      ["other inFeatures", () => linear(floats(2, 5), floats(3, 4)), RangeError, /input: .*\[…, 4\].*got \[2, 5\]/],
      ["an input of rank 0", () => linear({ data: [1], shape: [] }, floats(3, 1)), RangeError, /input: .*got \[\]/],
      ["a weight of rank 1", () => linear(floats(2, 4), floats(4)), RangeError, /weight: .*got \[4\]/],
      ["a weight of rank 3", () => linear(floats(2, 4), floats(1, 3, 4)), RangeError, /weight: .*got \[1, 3, 4\]/],
      ["a bias of another size", () => linear(floats(2, 4), floats(3, 4), floats(4)), RangeError, /bias: .*\[3\].*\[4\]/],
      ["a bias of rank 2", () => linear(floats(2, 4), floats(3, 4), floats(1, 3)), RangeError, /bias: .*got \[1, 3\]/],
      ["an integer input", () => linear(integers, floats(3, 4)), TypeError, /input: .*"int32"/],
      ["an integer weight", () => linear(floats(2, 4), integers), TypeError, /weight: .*"int32"/],
      ["a bool bias", () => linear(floats(2, 4), floats(3, 4), { data: new Uint8Array(3), shape: [3] }), TypeError, /bias: .*"bool"/],
      ["null as the bias", () => linear(floats(2, 4), floats(3, 4), null as never), TypeError, /bias: .*got null/],
    ];
    it.each(cases)("%s", (_, call, kind, message) => {
      withoutLeak(() => {
        expectThrowsWithoutLeak(call, kind, kind === TypeError ? "ERR_INVALID_TYPE" : "ERR_SHAPE", message);
        expect(linear(floats(2, 4), floats(3, 4), floats(3)).shape).toEqual([2, 3]);
      });
    });

    it("a result over 2 GiB, and frees what it had allocated", () => {
      withoutLeak(() => {
        const input = Tensor.from(new Float32Array(40_000), [40_000, 1]);
        expectThrowsWithoutLeak(
          () => linear(input, floats(40_000, 1)),
          RangeError,
          "ERR_OUT_OF_MEMORY",
          /linear: out of memory/,
        );
      });
    });
  });
});
