import { expect } from "vitest";
import { type Tensor } from "../../ts/entry/default.js";
import { valuesOf } from "../conformance/records.js";
import { type FloatType, roundTo } from "../oracle/half.js";

/** Half a unit in the last place: what the one rounding to a 16-bit result may cost. */
function halfUnit(dtype: FloatType, value: number): number {
  const magnitude = Math.abs(value);
  if (dtype === "float16") return Math.max(magnitude * 2 ** -11, 2 ** -25);
  return dtype === "bfloat16" ? Math.max(magnitude * 2 ** -8, 2 ** -134) : 0;
}

/**
 * Fails unless every element is within `tolerance(index)` of the float64 truth, with half a unit in the last place more
 * for 16-bit results. NaN equals NaN; what a dtype can't hold must be infinite.
 */
export function expectWithin(
  actual: Tensor,
  dtype: FloatType,
  shape: readonly number[],
  expected: Float64Array,
  tolerance: (index: number) => number,
): void {
  expect({ shape: actual.shape, dtype: actual.dtype }).toEqual({ shape, dtype });
  const values = valuesOf(actual);
  values.forEach((x, index) => {
    const y = expected[index];
    if (Object.is(x, y) || Object.is(x, roundTo(dtype, y))) return;
    const allowed = tolerance(index);
    const limit = allowed + halfUnit(dtype, Math.abs(y) + allowed);
    if (!(Math.abs(x - y) <= limit)) {
      expect.fail(`element ${index}: ${x} for ${y}: ${Math.abs(x - y)} apart, which is more than ${limit}`);
    }
  });
}
