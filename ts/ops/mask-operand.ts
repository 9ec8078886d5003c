import { rangeError, typeError } from "../errors.js";
import type { Shape } from "../tensor/shape.js";
import {
  arrayKind,
  type BigIntArray,
  isBigIntArray,
  isTensorData,
  type Leaf,
  type NestedArray,
  readLeaves,
} from "../tensor/source.js";
import { maskDTypes } from "../wasm/interface.js";
import { describe, type Operand, type TensorLike } from "./operand.js";

/**
 * A mask as callers may give it. Boolean: a bool tensor or a Uint8Array; (nested) arrays of booleans, or of numbers or
 * bigints that are 0 and 1; a BigInt64Array of 0 and 1, as tokenizers give it. Float, added to the scores: a float tensor
 * or `{ data, shape }`.
 */
export type MaskLike = TensorLike | readonly NestedArray<Leaf>[] | Uint8Array | BigIntArray;

/** A mask that has been checked. */
export interface MaskOperand extends Operand {
  readonly dtype: keyof typeof maskDTypes;
}

const hasMaskDType = (operand: Operand): operand is MaskOperand => operand.dtype in maskDTypes;

const EXPECTED = "a Tensor, { data, shape }, or an array of booleans or of 0 and 1";

/** A boolean mask of 0 and 1, or of booleans, that stand in no tensor. */
function describeFlags(operation: string, argument: string, data: unknown, asked?: Shape): MaskOperand {
  const { leaves, shape } = readLeaves(operation, argument, data);
  const flags = Uint8Array.from(leaves, (leaf, index) => {
    const flag = Number(leaf);
    if (flag === 0 || flag === 1) return flag;
    const expected = "0 or 1 (a float mask goes as a Tensor or { data, shape })";
    throw rangeError(operation, `${argument}, element ${index}`, expected, leaf);
  });
  return describe(operation, argument, { data: flags, shape: asked ?? shape }) as MaskOperand;
}

/**
 * Checks that an argument is a mask, without allocating anything. What true means is the operation's. Throws a TypeError
 * for int32 and for what is no mask, a RangeError for numbers other than 0 and 1 in an array and for bigints that are
 * neither.
 */
export function describeMask(operation: string, argument: string, value: MaskLike): MaskOperand {
  if (Array.isArray(value) || isBigIntArray(value)) return describeFlags(operation, argument, value);
  const data =
    arrayKind(value) === "Uint8Array" ? { data: value as Uint8Array, shape: [(value as Uint8Array).length] } : value;
  const operand = describe(operation, argument, data as TensorLike, EXPECTED);
  if (hasMaskDType(operand)) return operand;
  const { dtype, shape } = operand;
  // Bigints, as nobody said that they are int32.
  if (isTensorData(value) && value.dtype === undefined && arrayKind(value.data) !== "Int32Array") {
    return describeFlags(operation, `${argument}.data`, value.data, shape);
  }
  throw typeError(operation, argument, 'bool, float32, float16 or bfloat16 (of 0 and 1: .to("bool"))', dtype);
}
