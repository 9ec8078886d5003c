/** The activation functions over whole dtypes, in their tails and at their limits. */
import { describe, expect, it } from "vitest";
import { geluForms, reluForm, sigmoidForm, siluForm, tanhForm } from "../cases/operations/activation.js";
import { widen } from "../oracle/half.js";
import { forEachArithmetic } from "../support/arithmetics.js";
import { expectWithin } from "../support/expect-within.js";
import { withoutLeak } from "../support/without-leak.js";

/** Below it a result may be 0 in place of a small number; from it on it is 0 only where the input is. */
const tailEnds: Readonly<Record<string, number>> = {
  gelu: -12.5,
  'gelu with approximate "tanh"': -10.06,
  silu: -88.72,
  relu: 0,
  sigmoid: -86.98,
  tanh: -Infinity,
};

const forms = [...geluForms, siluForm, reluForm, sigmoidForm, tanhForm];

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

forEachArithmetic(() => {
  describe.each(forms)("$title", ({ title, ours, truth, tolerance, limits }) => {
    const tailEnd = tailEnds[title];

    it.each(["float16", "bfloat16"] as const)("is within the stated error for every %s", (dtype) => {
      const data = Uint16Array.from({ length: 2 ** 16 }, (_, bits) => bits);
      const values = widen(dtype, data);
      const expected = values.map((x) => (x === -Infinity ? limits[1] : truth(x)));
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
        expect(output).toEqual([NaN, ...limits]);
      });
    });

    it("keeps the shape of empty tensors", () => {
      withoutLeak(() => expect(ours({ data: [], shape: [2, 0, 3] }).shape).toEqual([2, 0, 3]));
    });
  });
});
