/** Numbers and integers to 16 bits: one rounding, to the nearest, ties to even, from the number itself. */
import { describe, expect, test } from "vitest";
import { Tensor } from "../../ts/entry/default.js";
import { forEachArithmetic } from "../support/arithmetics.js";
import { bfloat16Value, encode16, float16Value } from "../oracle/half.js";

const valueOf = { float16: float16Value, bfloat16: bfloat16Value } as const;
/** The bits of infinity; as a number in the place after the largest finite one, it would be this. */
const infinity = {
  float16: { bits: 0x7c00, inPlace: 2 ** 16 },
  bfloat16: { bits: 0x7f80, inPlace: 2 ** 128 },
} as const;

/** Halfway between each two neighbours from 0 to the overflow: exact in float64. */
function midpoints(dtype: "float16" | "bfloat16"): number[] {
  const { bits, inPlace } = infinity[dtype];
  const at = (index: number): number => (index === bits ? inPlace : valueOf[dtype](index));
  return Array.from({ length: bits }, (_, index) => at(index) / 2 + at(index + 1) / 2);
}

/** The float64 so many places after a positive one. */
function after(value: number, places: bigint): number {
  const float = Float64Array.of(value);
  new BigInt64Array(float.buffer)[0] += places;
  return float[0];
}

const withSigns = (values: readonly number[]): number[] => values.flatMap((value) => [value, -value]);

function converted(tensor: Tensor, dtype: "float16" | "bfloat16"): Uint16Array {
  const result = tensor.to(dtype);
  const bits = result.toArray();
  result.dispose();
  tensor.dispose();
  return bits;
}

function expectSameBits(actual: Uint16Array, numbers: readonly number[], dtype: "float16" | "bfloat16"): void {
  const expected = encode16(dtype, numbers);
  expect(actual.length).toBe(expected.length);
  const wrong = expected.findIndex((bits, index) => bits !== actual[index]);
  expect(wrong < 0 ? "all as expected" : `${numbers[wrong]} gave ${actual[wrong]}, not ${expected[wrong]}`).toBe(
    "all as expected",
  );
}

forEachArithmetic(() => {
  test("known answers", () => {
    const cases: ["float16" | "bfloat16", number, number][] = [
      ["float16", 65519.999999999, 0x7bff],
      ["float16", 65520, 0x7c00],
      ["float16", 1 + 2 ** -11 + 2 ** -40, 0x3c01],
      ["float16", -(2 ** -25), 0x8000],
      ["float16", -(2 ** -25 + 2 ** -60), 0x8001],
      ["bfloat16", 1 + 2 ** -8 + 2 ** -40, 0x3f81],
      ["bfloat16", 1 + 2 ** -8, 0x3f80],
      ["bfloat16", 1 + 3 * 2 ** -8 - 2 ** -40, 0x3f81],
      ["bfloat16", 3.39e38, 0x7f7f],
      ["bfloat16", Number.MAX_VALUE, 0x7f80],
      ["bfloat16", -Number.MIN_VALUE, 0x8000],
      ["bfloat16", -0, 0x8000],
      ["bfloat16", NaN, 0x7fc0],
      ["float16", NaN, 0x7e00],
      ["float16", -Infinity, 0xfc00],
    ];
    for (const [dtype, number, bits] of cases) {
      const tensor = Tensor.from([number], undefined, dtype);
      expect([dtype, number, tensor.toArray()[0]]).toEqual([dtype, number, bits]);
      tensor.dispose();
      const stands = Tensor.from({ data: [number], shape: [], dtype });
      expect([dtype, number, stands.toArray()[0]]).toEqual([dtype, number, bits]);
      stands.dispose();
    }
    expect(converted(Tensor.from(Int32Array.of(2 ** 24 + 2 ** 16 + 1)), "bfloat16")[0]).toBe(0x4b81);
    expect(converted(Tensor.from(Int32Array.of(2 ** 24 + 2 ** 16)), "bfloat16")[0]).toBe(0x4b80);
  });

  for (const dtype of ["float16", "bfloat16"] as const)
    describe(`to ${dtype}`, () => {
      test("numbers around every tie are rounded once", () => {
        // One place beside a tie, and so little beside it that float32 would take it for one or, farther, would not.
        const places = [0n, 1n, -1n, 2n ** 27n, -(2n ** 27n), 2n ** 29n, -(2n ** 29n), 2n ** 40n];
        const numbers = withSigns(midpoints(dtype).flatMap((tie) => places.map((count) => after(tie, count))));
        const tensor = Tensor.from(numbers, undefined, dtype);
        expectSameBits(tensor.toArray(), numbers, dtype);
        tensor.dispose();
      });

      test("int32 is rounded once", () => {
        const ties = midpoints(dtype).filter((tie) => Number.isInteger(tie) && tie < 2 ** 31 - 1);
        const integers = withSigns([...ties.flatMap((tie) => [tie - 1, tie, tie + 1]), 2 ** 31 - 1]);
        integers.push(-(2 ** 31), 0);
        expectSameBits(
          converted(Tensor.from(Int32Array.from(integers)), dtype),
          integers.map((value) => value + 0),
          dtype,
        );
      });

      test("bool is exact", () => {
        expectSameBits(converted(Tensor.from([true, false]), dtype), [1, 0], dtype);
      });
    });
});
