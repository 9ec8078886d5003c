import { rangeError, typeError } from "../errors.js";
import { arrayKind, type NestedArray } from "../tensor/source.js";
import { isTensor, numbersOf } from "../tensor/tensor.js";
import { readNumbers } from "./numbers.js";
import type { NumberArray } from "./numbers.js";
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

function describeIndices(operation: string, argument: string, value: IndicesLike, rows: number): Operand {
  const isView = ArrayBuffer.isView(value);
  if (isView && !/^U?[Ii]nt/.test(arrayKind(value) ?? "")) {
    throw typeError(operation, argument, "a typed array of integers, of 32 bits at most", value);
  }
  if (!isView && !Array.isArray(value)) return describe(operation, argument, value as TensorLike);
  const { values, shape } = readNumbers(operation, argument, value as readonly NestedArray[]);
  // Before they become int32, where large ones would wrap.
  values.forEach((index, at) => requireRow(operation, argument, index, at, rows));
  return describe(operation, argument, { data: Int32Array.from(values), shape });
}

function requireRow(operation: string, argument: string, index: number, at: number, rows: number): void {
  if (Number.isInteger(index) && index >= 0 && index < rows) return;
  const expected = rows === 0 ? "no index, since there are no rows" : `an integer from 0 to ${rows - 1}`;
  throw rangeError(operation, `${argument}, element ${at}`, expected, index);
}

/**
 * Checks that each index is one of so many rows. Throws a TypeError for anything but integers, a RangeError for an index
 * that is no row.
 */
export function readIndices(operation: string, argument: string, value: IndicesLike, rows: number): Indices {
  const operand = describeIndices(operation, argument, value, rows);
  if (operand.dtype !== "int32") throw typeError(operation, argument, "int32", operand.dtype);
  const { content } = operand;
  const elements = isTensor(content) ? numbersOf(operation, content) : content.elements;
  let largest = -1;
  elements.forEach((index, at) => {
    requireRow(operation, argument, index, at, rows);
    largest = Math.max(largest, index);
  });
  return { operand, largest };
}
