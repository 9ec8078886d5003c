import { expect } from "vitest";
import { type Tensor } from "../../ts/entry/default.js";
import { type FloatType } from "../oracle/half.js";
import { faultOf } from "./fault.js";

/** Fails unless a tensor has this dtype and shape, and every element is as near to the truth as `faultOf` asks. */
export function expectWithin(
  actual: Tensor,
  dtype: FloatType,
  shape: readonly number[],
  expected: Float64Array,
  tolerance: (index: number) => number,
): void {
  expect({ shape: actual.shape, dtype: actual.dtype }).toEqual({ shape, dtype });
  const fault = faultOf(actual, dtype, expected, tolerance);
  if (fault !== undefined) expect.fail(fault);
}
