/** gelu, silu and relu against the float64 oracles, with the errors that the kernels state; what they refuse. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { gelu, relu, silu, type Tensor, type TensorLike } from "../ts/entry/default.js";
import { forEachArithmetic } from "./arithmetics.js";
import { count, dataSeeds, floatTypes, given, leadingAxes, operandOf, randomOperand } from "./cases/layer-operands.js";
import { expectWithin } from "./expect-within.js";
import * as oracle from "./oracle/layers.js";
import { expectThrowsWithoutLeak, withoutLeak } from "./without-leak.js";

interface Activation {
  readonly name: string;
  readonly ours: (input: TensorLike) => Tensor;
  readonly truth: (x: number) => number;
  /** How far off a result may be. */
  readonly tolerance: (x: number, truth: number) => number;
}

/** What is 0 in place of a number so small. */
const FLUSHED = 2 ** -100;

const activations: Activation[] = [
  {
    name: "gelu",
    ours: (input) => gelu(input),
    truth: (x) => oracle.gelu(x),
    tolerance: (_, truth) => 2 ** -20.5 * Math.abs(truth) + FLUSHED,
  },
  {
    name: 'gelu with approximate "tanh"',
    ours: (input) => gelu(input, { approximate: "tanh" }),
    truth: (x) => oracle.gelu(x, "tanh"),
    tolerance: (x, truth) => {
      const u = Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3);
      return 2 ** -23 * (3 + 4 * Math.abs(u)) * Math.abs(truth) + FLUSHED;
    },
  },
  {
    name: "silu",
    ours: silu,
    truth: oracle.silu,
    tolerance: (_, truth) => 2 ** -22 * Math.abs(truth) + FLUSHED,
  },
  { name: "relu", ours: relu, truth: oracle.relu, tolerance: () => 0 },
];

const recipes = fc.record({
  dtype: floatTypes,
  shape: leadingAxes,
  amplitude: fc.constantFrom(1e-3, 1, 10, 1e4),
  isTensor: fc.boolean(),
  dataSeed: dataSeeds,
});

forEachArithmetic(() => {
  describe.each(activations)("$name", ({ ours, truth, tolerance }) => {
    it("is within the stated error of the oracle", () => {
      fc.assert(
        fc.property(recipes, ({ dtype, shape, amplitude, isTensor, dataSeed }) => {
          const input = randomOperand(dataSeed, dtype, shape, amplitude);
          const expected = input.values.map(truth);
          withoutLeak(() => {
            const output = ours(given(input, isTensor));
            expectWithin(output, dtype, shape, expected, (index) => tolerance(input.values[index], expected[index]));
          });
        }),
        { numRuns: 60 },
      );
    });

    it.each(["float32", "float16", "bfloat16"] as const)("is so on a ladder through the range, in %s", (dtype) => {
      const powers = Array.from({ length: 253 }, (_, n) => 2 ** (n - 126));
      const steps = Array.from({ length: 4001 }, (_, n) => (n - 2000) / 100);
      const numbers = [...steps, ...powers.flatMap((x) => [x, -x, 1.7 * x, -1.7 * x]), 0, -0, 3.4e38, -3.4e38];
      const input = operandOf(dtype, [numbers.length], numbers);
      const expected = input.values.map((x) => (x === -Infinity && truth !== oracle.relu ? NaN : truth(x)));
      withoutLeak(() => {
        const output = ours(given(input, false));
        expectWithin(output, dtype, input.shape, expected, (index) => tolerance(input.values[index], expected[index]));
      });
    });

    it("lets NaN and infinity through as PyTorch does", () => {
      withoutLeak(() => {
        const output = ours({ data: [NaN, Infinity, -Infinity], shape: [3] }).toNested();
        expect(output).toEqual([NaN, Infinity, truth === oracle.relu ? 0 : NaN]);
      });
    });

    it("keeps the shape of empty tensors", () => {
      withoutLeak(() => expect(ours({ data: [], shape: [2, 0, 3] }).shape).toEqual([2, 0, 3]));
    });
  });

  describe("refuse", () => {
    const good = { data: new Float32Array(count([2, 3])), shape: [2, 3] };
    // prettier-ignore
    const cases: [string, () => unknown, typeof TypeError | typeof RangeError, string, RegExp][] = [
      ["int32", () => gelu({ data: new Int32Array(2), shape: [2] }), TypeError, "ERR_INVALID_TYPE", /gelu: input: .*"int32"/],
      ["bool", () => relu({ data: new Uint8Array(2), shape: [2] }), TypeError, "ERR_INVALID_TYPE", /relu: input: .*"bool"/],
      ["float64", () => silu({ data: new Float64Array(2), shape: [2] } as never), TypeError, "ERR_INVALID_TYPE", /silu: input.data: .*Float64Array/],
      ["another approximation", () => gelu(good, { approximate: "fast" as never }), RangeError, "ERR_INVALID_VALUE", /gelu: approximate: .*got "fast"/],
      ["a boolean approximation", () => gelu(good, { approximate: true as never }), TypeError, "ERR_INVALID_TYPE", /gelu: approximate: .*got true/],
      ["an unknown option", () => gelu(good, { approximation: "tanh" } as never), TypeError, "ERR_INVALID_TYPE", /approximate/],
    ];
    it.each(cases)("%s", (_, call, kind, code, message) => {
      withoutLeak(() => {
        expectThrowsWithoutLeak(call, kind, code as "ERR_INVALID_TYPE", message);
        expect(gelu(good).shape).toEqual([2, 3]);
      });
    });
  });
});
