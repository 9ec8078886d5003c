import type { Tensor } from "../../ts/entry/default.js";
import { type FloatType, roundTo, widen } from "../oracle/half.js";

/** Half a unit in the last place: what the one rounding to a 16-bit result may cost. */
function halfUnit(dtype: FloatType, value: number): number {
  const magnitude = Math.abs(value);
  if (dtype === "float16") return Math.max(magnitude * 2 ** -11, 2 ** -25);
  return dtype === "bfloat16" ? Math.max(magnitude * 2 ** -8, 2 ** -134) : 0;
}

/**
 * The first element that isn't within `tolerance(index)` of the float64 truth, with half a unit in the last place more for 16-bit
 * results; undefined when all are. NaN equals NaN; what a dtype can't hold must be infinite.
 */
export function faultOf(
  actual: Tensor,
  dtype: FloatType,
  expected: Float64Array,
  tolerance: (index: number) => number,
): string | undefined {
  const values = widen(dtype, actual.toArray());
  for (const [index, x] of values.entries()) {
    const y = expected[index];
    if (Object.is(x, y) || Object.is(x, roundTo(dtype, y))) continue;
    const allowed = tolerance(index);
    const limit = allowed + halfUnit(dtype, Math.abs(y) + allowed);
    if (!(Math.abs(x - y) <= limit)) {
      return `element ${index}: ${x} for ${y}: ${Math.abs(x - y)} apart, which is more than ${limit}`;
    }
  }
  return undefined;
}
