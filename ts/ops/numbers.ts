import { isDetached } from "../buffers.js";
import { typeError } from "../errors.js";
import type { Shape } from "../tensor/shape.js";
import { arrayKind, type NestedArray, readLeaves } from "../tensor/source.js";
import { isTensor, numbersOf, plainNumbers } from "../tensor/tensor.js";
import { describe, type TensorLike } from "./operand.js";

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
  | Uint32Array;

/** A few numbers as callers may give them: arrays, typed arrays of any kind, tensors and what stands for them. */
export type NumbersLike = readonly NestedArray[] | NumberArray | TensorLike;

/** Numbers that a check or a short loop reads, in memory of JavaScript's own. */
export interface Numbers {
  readonly values: readonly number[];
  readonly shape: Shape;
}

const EXPECTED = "an array of numbers, a typed array, a Tensor or { data, shape }";

function readTypedNumbers(operation: string, argument: string, view: ArrayBufferView): Numbers {
  const kind = arrayKind(view);
  if (kind === undefined || kind.startsWith("Big") || isDetached(view.buffer)) {
    throw typeError(operation, argument, EXPECTED, view);
  }
  const values = Array.from(view as NumberArray);
  return { values, shape: [values.length] };
}

function readTensorNumbers(operation: string, argument: string, value: TensorLike): Numbers {
  const { content, dtype, shape } = describe(operation, argument, value);
  if (dtype === "bool") throw typeError(operation, argument, "numbers", value);
  const values = isTensor(content) ? numbersOf(operation, content) : plainNumbers(content.storedAs, content.elements);
  return { values: Array.from(values), shape };
}

/**
 * Reads numbers. Throws a TypeError for anything but numbers (booleans and 64-bit integers too), and for what `describe`
 * refuses; a RangeError for arrays of unequal lengths.
 */
export function readNumbers(operation: string, argument: string, value: NumbersLike): Numbers {
  if (ArrayBuffer.isView(value)) return readTypedNumbers(operation, argument, value);
  if (!Array.isArray(value)) return readTensorNumbers(operation, argument, value as TensorLike);
  const { leaves, shape } = readLeaves(operation, argument, value);
  if (typeof leaves[0] === "boolean") throw typeError(operation, argument, "numbers", leaves[0]);
  return { values: leaves as readonly number[], shape };
}
