import { rangeError, typeError } from "../errors.js";
import { arrayKind, isTensorData, type Leaf, type NestedArray } from "../tensor/source.js";
import { type NumberArray, type Numbers, numbersIn, readNumbers } from "./numbers.js";
import { describe, type Operand, type TensorLike } from "./operand.js";

/** Row numbers as callers may give them: an int32 tensor or what stands for one, arrays, typed arrays of integers. */
export type IndicesLike = TensorLike | readonly NestedArray<Leaf>[] | Exclude<NumberArray, Float32Array | Float64Array>;

/** Indices that have been checked. */
export interface Indices {
  /** They are int32. */
  readonly operand: Operand;
  readonly values: readonly number[];
  /** The largest of them, -1 when there are none. */
  readonly largest: number;
}

/** What errors for a wrong kind of indices name. */
export const INDICES_EXPECTED = "an array of integers, a typed array of them, an int32 Tensor or { data, shape }";

/** An int32 tensor, or what stands for one. */
function describeInt32(operation: string, argument: string, value: TensorLike): Operand {
  // Plain numbers would be float32.
  const isPlain = isTensorData(value) && Array.isArray(value.data) && value.dtype === undefined;
  const operand = describe(operation, argument, isPlain ? { ...value, dtype: "int32" } : value, INDICES_EXPECTED);
  if (operand.dtype !== "int32") throw typeError(operation, argument, "int32", operand.dtype);
  return operand;
}

/** Integers that have been read. */
export interface Integers extends Numbers {
  /** What was given, where it is an operand. */
  readonly given: Operand | undefined;
}

/** Throws a TypeError for arrays of another kind than integers; whether elements are integers is to be checked. */
export function readIntegers(operation: string, argument: string, value: IndicesLike): Integers {
  const kind = arrayKind(value);
  if (kind !== undefined && !/int/i.test(kind)) throw typeError(operation, argument, INDICES_EXPECTED, value);
  const isWrapped = kind === undefined && !Array.isArray(value);
  const given = isWrapped ? describeInt32(operation, argument, value as TensorLike) : undefined;
  const numbers = given === undefined ? readNumbers(operation, argument, value) : numbersIn(operation, given);
  return { ...numbers, given };
}

/** Throws a RangeError for an index that is no row of so many, nor `ignored`. */
export function checkIndex(
  operation: string,
  argument: string,
  at: number,
  index: number,
  rows: number,
  ignored?: number,
): void {
  if ((Number.isInteger(index) && index >= 0 && index < rows) || index === ignored) return;
  const expected = rows === 0 ? "no index, since there are no rows" : `an integer from 0 to ${rows - 1}`;
  const exception = ignored === undefined ? "" : `, or ${ignored}`;
  throw rangeError(operation, `${argument}, element ${at}`, expected + exception, index);
}

/**
 * Checks that each index is one of so many rows. Throws a TypeError for anything but integers, a RangeError for an index
 * that is no row.
 */
export function readIndices(operation: string, argument: string, value: IndicesLike, rows: number): Indices {
  const { values, shape, given } = readIntegers(operation, argument, value);
  let largest = -1;
  values.forEach((index, at) => {
    checkIndex(operation, argument, at, index, rows);
    largest = Math.max(largest, index);
  });
  // Numbers become int32 after the check: before, large ones would wrap.
  const operand = given ?? describe(operation, argument, { data: Int32Array.from(values), shape });
  return { operand, values, largest };
}
