/** gelu, silu and relu against the float64 oracles, with the errors that the kernels state; what they refuse. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { gelu, relu, silu, type Tensor, type TensorLike } from "../../ts/entry/default.js";
import { forEachArithmetic } from "../support/arithmetics.js";
import { count, dataSeeds, floatTypes, given, leadingAxes, randomOperand } from "../cases/layer-operands.js";
import { expectWithin } from "../support/expect-within.js";
import { widen } from "../oracle/half.js";
import * as oracle from "../oracle/layers.js";
import { expectThrowsWithoutLeak, withoutLeak } from "../support/without-leak.js";

interface Activation {
  readonly name: string;
  readonly ours: (input: TensorLike) => Tensor;
  readonly truth: (x: number) => number;
  /** How far off a result may be, as the functions' documentation states it. */
  readonly tolerance: (x: number, truth: number) => number;
  /** Below it a result may be 0 in place of a small number; from it on it is 0 only where the input is. */
  readonly tailEnd: number;
}

const activations: Activation[] = [
  {
    name: "gelu",
    ours: (input) => gelu(input),
    truth: (x) => oracle.gelu(x),
    tolerance: (_, truth) => 2 ** -20.5 * Math.abs(truth) + 2 ** -114,
    tailEnd: -12.5,
  },
  {
    name: 'gelu with approximate "tanh"',
    ours: (input) => gelu(input, { approximate: "tanh" }),
    truth: (x) => oracle.gelu(x, "tanh"),
    tolerance: (x, truth) => {
      const u = Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3);
      return 2 ** -23 * (3 + 4 * Math.abs(u)) * Math.abs(truth) + 2 ** -124;
    },
    tailEnd: -10.06,
  },
  {
    name: "silu",
    ours: silu,
    truth: oracle.silu,
    tolerance: (_, truth) => 2 ** -22 * Math.abs(truth) + 2 ** -121,
    tailEnd: -88.72,
  },
  { name: "relu", ours: relu, truth: oracle.relu, tolerance: () => 0, tailEnd: 0 },
];

/** float32 numbers of both signs: some of every exponent, subnormals included, and more where the tails end. */
function float32Sweep(): Float32Array {
  const numbers: number[] = [];
  const add = (low: number, high: number, step: number): void => {
    const [first, last] = new Uint32Array(Float32Array.of(low, high).buffer);
    const bits = Uint32Array.from({ length: Math.ceil((last - first) / step) }, (_, n) => first + n * step);
    for (const x of new Float32Array(bits.buffer)) numbers.push(x, -x);
  };
  add(0, 3.4e38, 99_991);
  add(9.9, 13.5, 499);
  add(86, 104.5, 499);
  return Float32Array.from(numbers);
}

const recipes = fc.record({
  dtype: floatTypes,
  shape: leadingAxes,
  amplitude: fc.constantFrom(1e-3, 1, 10, 1e4),
  isTensor: fc.boolean(),
  dataSeed: dataSeeds,
});

forEachArithmetic(() => {
  describe.each(activations)("$name", ({ ours, truth, tolerance, tailEnd }) => {
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

    it.each(["float16", "bfloat16"] as const)("is so for every %s", (dtype) => {
      const data = Uint16Array.from({ length: 2 ** 16 }, (_, bits) => bits);
      const values = widen(dtype, data);
      const expected = values.map((x) => (x === -Infinity && truth !== oracle.relu ? NaN : truth(x)));
      withoutLeak(() => {
        const output = ours({ data, shape: [data.length], dtype });
        expectWithin(output, dtype, [data.length], expected, (index) => tolerance(values[index], expected[index]));
      });
    });

    it("is so for float32 in steps through the range, and in small ones where the tails end", () => {
      const input = float32Sweep();
      const values = Float64Array.from(input);
      const expected = values.map(truth);
      withoutLeak(() => {
        const output = ours({ data: input, shape: [input.length] });
        expectWithin(output, "float32", [input.length], expected, (index) => tolerance(values[index], expected[index]));
        const results = output.toArray();
        const isInTail = (x: number): boolean => x < tailEnd;
        expect(input.filter((x, index) => !isInTail(x) && results[index] === 0 && Math.abs(x) > 2 ** -149)).toEqual(
          new Float32Array(),
        );
        const isSubnormal = (y: number): boolean => y !== 0 && Math.abs(y) < 2 ** -126;
        expect(input.filter((x, index) => isInTail(x) && isSubnormal(results[index]))).toEqual(new Float32Array());
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
