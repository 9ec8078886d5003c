import { sumAxes } from "../ops/reduction.js";
import { elementCount, type Shape } from "../tensor/shape.js";
import { pointerOf } from "../tensor/tensor.js";
import { gradientOf, type GradientTensor } from "./rule.js";

/** The gradient of an operand of a shape that was broadcast, summed over the axes along which it was. */
export function sumTo(gradient: GradientTensor, shape: Shape): GradientTensor {
  if (elementCount(gradient.shape) === elementCount(shape)) return gradient.reshape(shape);
  const missing = gradient.shape.length - shape.length;
  const isSummed = (axis: number): boolean => axis < missing || shape[axis - missing] === 1;
  return gradientOf(shape, (call, sums) => sumAxes(call, sums, pointerOf(gradient), gradient.shape, isSummed));
}
