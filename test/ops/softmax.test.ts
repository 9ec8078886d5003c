/** softmax against the float64 oracle, with the error that the kernel states; its limits; what it refuses. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { softmax, Tensor } from "../../ts/entry/default.js";
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

interface Axis {
  readonly outer: number;
  readonly size: number;
  readonly inner: number;
}

/** Softmax along the middle of [outer, size, inner], with the tolerance of each element. */
function expectedSoftmax(values: Float64Array, { outer, size, inner }: Axis): [Float64Array, Float64Array] {
  const expected = new Float64Array(values.length);
  const tolerances = new Float64Array(values.length);
  for (let o = 0; o < outer; o++) {
    for (let i = 0; i < inner; i++) {
      const places = Array.from({ length: size }, (_, c) => (o * size + c) * inner + i);
      const row = places.map((place) => values[place]);
      const maximum = Math.max(...row);
      oracle.softmax(row, 1, size).forEach((weight, c) => {
        expected[places[c]] = weight;
        tolerances[places[c]] = weight * 2 ** -24 * (12 + Math.abs(row[c] - maximum) + size / 1024) + 2 ** -99;
      });
    }
  }
  return [expected, tolerances];
}

forEachArithmetic(() => {
  it("is within the stated error of the oracle along any axis", () => {
    const recipes = fc.record({
      dtype: floatTypes,
      leading: leadingAxes,
      size: layerSizes,
      trailing: leadingAxes,
      fromEnd: fc.boolean(),
      amplitude: fc.constantFrom(0.1, 1, 10, 100),
      isTensor: fc.boolean(),
      dataSeed: dataSeeds,
    });
    fc.assert(
      fc.property(recipes, ({ dtype, leading, size, trailing, fromEnd, amplitude, isTensor, dataSeed }) => {
        const shape = [...leading, size, ...trailing];
        const input = randomOperand(dataSeed, dtype, shape, amplitude);
        const axis = fromEnd ? -1 - trailing.length : leading.length;
        const [expected, tolerances] = expectedSoftmax(input.values, {
          outer: count(leading),
          size,
          inner: count(trailing),
        });
        withoutLeak(() => {
          const output = softmax(given(input, isTensor), { axis });
          expectWithin(output, dtype, shape, expected, (index) => tolerances[index]);
        });
      }),
      { numRuns: 200 },
    );
  });

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

  describe("refuses", () => {
    const good = { data: new Float32Array(6), shape: [2, 3] };
    const cases: [string, () => unknown, typeof TypeError | typeof RangeError, RegExp][] = [
      ["int32", () => softmax({ data: new Int32Array(2), shape: [2] }), TypeError, /softmax: input: .*"int32"/],
      ["bool", () => softmax({ data: new Uint8Array(2), shape: [2] }), TypeError, /softmax: input: .*"bool"/],
      ["an axis of two", () => softmax(good, { axis: 2 }), RangeError, /softmax: axis: .*from -2 to 1, got 2/],
      ["a fractional axis", () => softmax(good, { axis: 0.5 }), RangeError, /softmax: axis: .*got 0.5/],
      ["an axis that is no number", () => softmax(good, { axis: "0" as never }), TypeError, /softmax: axis: .*"0"/],
      ["PyTorch's name of the axis", () => softmax(good, { dim: 1 } as never), TypeError, /softmax: options: .*"dim"/],
      ["no tensor", () => softmax([1, 2] as never), TypeError, /softmax: input: .*got \[1, 2\]/],
    ];
    it.each(cases)("%s", (_, call, kind, message) => {
      withoutLeak(() => {
        expectThrowsWithoutLeak(call, kind, kind === TypeError ? "ERR_INVALID_TYPE" : "ERR_INVALID_VALUE", message);
        expect(softmax(good).shape).toEqual([2, 3]);
      });
    });

    it("a tensor that has been disposed", () => {
      withoutLeak(() => {
        const input = Tensor.from(new Float32Array(2));
        input.dispose();
        expectThrowsWithoutLeak(() => softmax(input), TypeError, "ERR_DISPOSED", /softmax: input: /);
      });
    });
  });
});
