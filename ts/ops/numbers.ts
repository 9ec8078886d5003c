import { typeError } from "../errors.js";
import type { Shape } from "../tensor/shape.js";
import { arrayKind, type BigIntArray, type Leaf, type NestedArray, readLeaves } from "../tensor/source.js";
import { isTensor, numbersOf, plainNumbers } from "../tensor/tensor.js";
import { describe, type Operand, type TensorLike } from "./operand.js";

/** The typed arrays whose elements are numbers. */
export type NumberArray =
  | Float32Array
  | Float64Array
  | Int8Array
  | Int16Array
  | Int32Array
  | Uint8Array
  | Uint8ClampedArray
  | Uint16Array
  | Uint32Array
  | BigIntArray;

/** A few numbers as callers may give them: arrays, typed arrays of any kind, tensors and what stands for them. */
export type NumbersLike = readonly NestedArray<Leaf>[] | NumberArray | TensorLike;

/** Numbers that a check or a short loop reads, in memory of JavaScript's own. */
export interface Numbers {
  readonly values: readonly number[];
  readonly shape: Shape;
  /** Where they come from a tensor, or from what stands for one. */
  readonly operand?: Operand;
}

const EXPECTED = "an array of numbers, a typed array, a Tensor or { data, shape }";

/** The numbers of a tensor, or of what stands for one. */
export function numbersIn(operation: string, operand: Operand): Numbers {
  const { content, shape } = operand;
  const values = isTensor(content) ? numbersOf(operation, content) : plainNumbers(content.storedAs, content.elements);
  return { values: Array.from(values), shape, operand };
}

/**
 * Reads numbers; bigints beyond 2^53 are rounded. Throws a TypeError for anything but numbers (booleans too), and for what
 * `describe` refuses; a RangeError for arrays of unequal lengths.
 */
export function readNumbers(operation: string, argument: string, value: NumbersLike): Numbers {
  if (!Array.isArray(value) && arrayKind(value) === undefined) {
    const operand = describe(operation, argument, value as TensorLike, EXPECTED);
    if (operand.dtype === "bool") throw typeError(operation, argument, "numbers", value);
    return numbersIn(operation, operand);
  }
  const { leaves, shape } = readLeaves(operation, argument, value);
  if (typeof leaves[0] === "boolean") throw typeError(operation, argument, "numbers", leaves[0]);
  return { values: typeof leaves[0] === "bigint" ? leaves.map(Number) : (leaves as readonly number[]), shape };
}
