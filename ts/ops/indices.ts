import { rangeError, typeError } from "../errors.js";
import { arrayKind, type NestedArray } from "../tensor/source.js";
import { type NumberArray, readNumbers } from "./numbers.js";
import { describe, type Operand, type TensorLike } from "./operand.js";

/** Row numbers as callers may give them: an int32 tensor or what stands for one, arrays, typed arrays of integers. */
export type IndicesLike = TensorLike | readonly NestedArray[] | Exclude<NumberArray, Float32Array | Float64Array>;

/** Indices that have been checked. */
export interface Indices {
  /** They are int32. */
  readonly operand: Operand;
  /** The largest of them, -1 when there are none. */
  readonly largest: number;
}

/**
 * Checks that each index is one of so many rows. Throws a TypeError for anything but integers, a RangeError for an index
 * that is no row.
 */
export function readIndices(operation: string, argument: string, value: IndicesLike, rows: number): Indices {
  const isView = ArrayBuffer.isView(value);
  if (isView && !/^U?[Ii]nt/.test(arrayKind(value) ?? "")) {
    throw typeError(operation, argument, "a typed array of integers, of 32 bits at most", value);
  }
  const operand = isView || Array.isArray(value) ? undefined : describe(operation, argument, value as TensorLike);
  if (operand !== undefined && operand.dtype !== "int32") throw typeError(operation, argument, "int32", operand.dtype);
  const { values, shape } = readNumbers(operation, argument, value);
  let largest = -1;
  values.forEach((index, at) => {
    if (!Number.isInteger(index) || index < 0 || index >= rows) {
      const expected = rows === 0 ? "no index, since there are no rows" : `an integer from 0 to ${rows - 1}`;
      throw rangeError(operation, `${argument}, element ${at}`, expected, index);
    }
    largest = Math.max(largest, index);
  });
  // Numbers become int32 after the check: before, large ones would wrap.
  return { operand: operand ?? describe(operation, argument, { data: Int32Array.from(values), shape }), largest };
}
