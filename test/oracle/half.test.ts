import { describe, expect, it } from "vitest";
import { bfloat16Bits, bfloat16Value, float16Bits, float16Value } from "./half.js";

const formats = [
  { name: "float16", bits: float16Bits, value: float16Value, infinity: 0x7c00, canonicalNaN: 0x7e00 },
  { name: "bfloat16", bits: bfloat16Bits, value: bfloat16Value, infinity: 0x7f80, canonicalNaN: 0x7fc0 },
];

describe.each(formats)("$name", ({ bits, value, infinity, canonicalNaN }) => {
  it("gives every pattern back", () => {
    for (let pattern = 0; pattern < 0x10000; pattern++) {
      const isNaNPattern = (pattern & 0x7fff) > infinity;
      expect(bits(value(pattern))).toBe(isNaNPattern ? canonicalNaN : pattern);
    }
  });

  it("rounds between neighbours to the nearest, halves to even", () => {
    for (let pattern = 0; pattern < infinity - 1; pattern++) {
      const [low, high] = [value(pattern), value(pattern + 1)];
      const middle = (low + high) / 2;
      const even = pattern % 2 === 0 ? pattern : pattern + 1;
      expect(bits(middle)).toBe(even);
      expect(bits(-middle)).toBe(even | 0x8000);
      expect(bits(middle - (high - low) * 2 ** -20)).toBe(pattern);
      expect(bits(middle + (high - low) * 2 ** -20)).toBe(pattern + 1);
    }
  });
});

it("overflows to infinity from half a unit above the largest number", () => {
  expect(float16Bits(65519.99)).toBe(0x7bff);
  expect(float16Bits(65520)).toBe(0x7c00);
  expect(float16Bits(-1e300)).toBe(0xfc00);
  expect(bfloat16Bits(3.4e38)).toBe(0x7f80);
});

it("rounds bfloat16 as the upper half of float32 does", () => {
  const float = new Float32Array(1);
  const word = new Uint32Array(float.buffer);
  for (const x of [1, 1.00390625, 1.01171875, -3.14159, 1e-40, 65504, 1e38]) {
    float[0] = x;
    const lower = word[0] & 0xffff;
    const upper = word[0] >>> 16;
    const up = lower > 0x8000 || (lower === 0x8000 && upper % 2 === 1);
    expect(bfloat16Bits(float[0])).toBe(upper + (up ? 1 : 0));
  }
});
