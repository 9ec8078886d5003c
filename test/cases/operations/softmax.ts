import fc from "fast-check";
import { randn, softmax } from "../../../ts/entry/default.js";
import * as oracle from "../../oracle/softmax.js";
import { type ErrorBound, evaluate } from "../error-bound.js";
import { count, dataSeeds, floatTypes, given, layerSizes, leadingAxes, randomOperand } from "../layer-operands.js";
import { floats, type OperationRecord, type Trial, wrongDTypes } from "../operation.js";

const bound: ErrorBound = [["2^-24", "(12 + |input − m| + n/1024) · result"], ["2^-100"]];

/** Softmax along the middle of [outer, size, inner], with the tolerance of each element. */
function expectedSoftmax(
  values: Float64Array,
  [outer, size, inner]: readonly [number, number, number],
): readonly [Float64Array, Float64Array] {
  const expected = new Float64Array(values.length);
  const tolerances = new Float64Array(values.length);
  for (let o = 0; o < outer; o++) {
    for (let i = 0; i < inner; i++) {
      const places = Array.from({ length: size }, (_, c) => (o * size + c) * inner + i);
      const row = places.map((place) => values[place]);
      const maximum = Math.max(...row);
      oracle.softmax(row, 1, size).forEach((weight, c) => {
        expected[places[c]] = weight;
        const quantity = (12 + Math.abs(row[c] - maximum) + size / 1024) * weight;
        tolerances[places[c]] = evaluate(bound, { "(12 + |input − m| + n/1024) · result": quantity });
      });
    }
  }
  return [expected, tolerances];
}

/** Along any axis. */
const trials: fc.Arbitrary<Trial> = fc
  .record({
    dtype: floatTypes,
    leading: leadingAxes,
    size: layerSizes,
    trailing: leadingAxes,
    fromEnd: fc.boolean(),
    amplitude: fc.constantFrom(0.1, 1, 10, 100),
    isTensor: fc.boolean(),
    dataSeed: dataSeeds,
  })
  .map(({ dtype, leading, size, trailing, fromEnd, amplitude, isTensor, dataSeed }) => {
    const shape = [...leading, size, ...trailing];
    const input = randomOperand(dataSeed, dtype, shape, amplitude);
    const axis = fromEnd ? -1 - trailing.length : leading.length;
    const [expected, tolerances] = expectedSoftmax(input.values, [count(leading), size, count(trailing)]);
    return {
      run: () => softmax(given(input, isTensor), { axis }),
      dtype,
      shape,
      expected,
      tolerance: (index) => tolerances[index],
    };
  });

const good = floats(2, 3);
const large = randomOperand(1, "float16", [2, 4, 30, 32]);

export const softmaxRecord: OperationRecord = {
  name: "softmax",
  family: "softmax",
  computes: "exp(input − m) / Σ exp(input − m) along an axis, with m the maximum",
  error: { softmax: bound },
  property: { trials, numRuns: 200 },
  // prettier-ignore
  refusals: [
    ...wrongDTypes("softmax", "input", (input) => softmax(input)),
    ["an axis of two", () => softmax(good, { axis: 2 }), RangeError, "ERR_INVALID_VALUE", /^softmax: axis: .*from -2 to 1, got 2/],
    ["a fractional axis", () => softmax(good, { axis: 0.5 }), RangeError, "ERR_INVALID_VALUE", /^softmax: axis: .*got 0.5/],
    ["an axis that is no number", () => softmax(good, { axis: "0" as never }), TypeError, "ERR_INVALID_TYPE", /^softmax: axis: .*"0"/],
    ["PyTorch's name of the axis", () => softmax(good, { dim: 1 } as never), TypeError, "ERR_INVALID_TYPE", /^softmax: options: .*"dim"/],
    ["no tensor", () => softmax([1, 2] as never), TypeError, "ERR_INVALID_TYPE", /^softmax: input: .*got \[1, 2\]/],
  ],
  call: () => [softmax(good)],
  memory: { "softmax along an axis": () => [softmax(large, { axis: 1 })], softmax: () => [softmax(large)] },
  typical: () => {
    const input = randn([12, 128, 512], { seed: 1 });
    return { size: "[12, 128, 512]", run: () => softmax(input), bytes: 2 * 4 * 12 * 128 * 512 };
  },
  mixture: (n) => [softmax(floats(n, 6)), softmax(floats(2, n, 3), { axis: 1 })],
  bits: {
    cases: [
      { name: "softmax: rows", seed: 49, amplitude: 30, sizes: { rows: 7, columns: 37 } },
      { name: "softmax: long row", seed: 50, amplitude: 5, sizes: { rows: 1, columns: 2100 } },
      { name: "softmax: float16", seed: 51, amplitude: 1, dtype: "float16", sizes: { rows: 3, columns: 19 } },
    ],
    run: (_, inputs) => [softmax(inputs.matrix("input"))],
  },
};
