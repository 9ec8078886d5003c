import { typeError } from "../errors.js";
import { type FloatDType, isFloat } from "../tensor/dtype.js";
import type { UnsupportedTensor } from "../tensor/unsupported-tensor.js";
import { describe, type Operand, type TensorLike } from "./operand.js";

/** An operand that kernels compute with. */
export interface FloatOperand extends Operand {
  readonly dtype: FloatDType;
}

/** Whether kernels compute with an operand. */
export const isFloatOperand = (operand: Operand): operand is FloatOperand => isFloat(operand.dtype);

/** As `describe`, for floats alone: a TypeError for int32 and bool. */
export function describeFloat(
  operation: string,
  argument: string,
  value: TensorLike | UnsupportedTensor,
): FloatOperand {
  const operand = describe(operation, argument, value);
  if (!isFloatOperand(operand)) throw typeError(operation, argument, "float32, float16 or bfloat16", operand.dtype);
  return operand;
}
