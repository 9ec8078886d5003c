import { numbersIn } from "../../ops/numbers.js";
import { type FloatOperand, isFloatOperand } from "../../ops/float-operand.js";
import { describe, type TensorLike } from "../../ops/operand.js";

/**
 * What a loss of numbers compares with: floats, or integers and booleans as numbers, which are constants. Throws what `describe`
 * does.
 */
export function describeTarget(operation: string, argument: string, value: TensorLike): FloatOperand {
  const operand = describe(operation, argument, value);
  if (isFloatOperand(operand)) return operand;
  const elements = Float32Array.from(numbersIn(operation, operand).values);
  const dtype = "float32";
  return { ...operand, dtype, content: { elements, storedAs: dtype, dtype, shape: operand.shape } };
}
