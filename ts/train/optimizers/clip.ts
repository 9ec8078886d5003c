import { checkNumber } from "../../arguments.js";
import { rangeError, typeError } from "../../errors.js";
import { runCall } from "../../ops/call.js";
import { float64View } from "../../runtime/memory.js";
import { elementCount } from "../../tensor/shape.js";
import { markChanged, pointerOf, type Tensor } from "../../tensor/tensor.js";
import { type Parameters, readParameters } from "./parameter-groups.js";

const gradientsOf = (operation: string, parameters: Parameters): readonly Tensor<"float32">[] =>
  readParameters(operation, parameters).flatMap(({ grad }) => (grad === null ? [] : [grad]));

/**
 * Scales all gradients by the same factor, min(1, maxNorm / (norm + 1e-6)), so that their norm, taken over all of them together, is at
 * most `maxNorm`: PyTorch's `clip_grad_norm_`. Squares are added in float64, parameter by parameter. A NaN among
 * them makes all NaN; an infinity makes all 0, and itself NaN (as in PyTorch).
 *
 * @param parameters What a module's `parameters()` gives, or groups.
 * @param maxNorm At least 0; Infinity measures the norm and changes nothing.
 * @returns The norm as it was.
 * @throws {TypeError} for wrong kinds, and for a tensor that is no leaf.
 * @throws {RangeError} without any parameter, and for a `maxNorm` that is NaN or negative.
 */
export function clipGradNorm(parameters: Parameters, maxNorm: number): number {
  const operation = "clipGradNorm";
  if (typeof maxNorm !== "number") throw typeError(operation, "maxNorm", "a number", maxNorm);
  if (!(maxNorm >= 0)) throw rangeError(operation, "maxNorm", "a number of at least 0", maxNorm);
  const gradients = gradientsOf(operation, parameters);
  return runCall(operation, (call) => {
    const total = call.temporary(Float64Array.BYTES_PER_ELEMENT);
    let sum = 0;
    for (const gradient of gradients) {
      call.kernel((kernels) => kernels.sum_of_squares(total, pointerOf(gradient), elementCount(gradient.shape)));
      sum += float64View(total, 1)[0];
    }
    const norm = Math.sqrt(sum);
    const factor = maxNorm === Infinity ? 1 : Math.min(1, maxNorm / (norm + 1e-6));
    if (factor === 1) return norm;
    for (const gradient of gradients) {
      call.kernel((kernels) => kernels.scale(pointerOf(gradient), elementCount(gradient.shape), factor));
      markChanged(gradient);
    }
    return norm;
  });
}

/**
 * Moves every element of every gradient into [−clipValue, clipValue]: PyTorch's `clip_grad_value_`. NaN stays.
 *
 * @param parameters What a module's `parameters()` gives, or groups.
 * @param clipValue At least 0.
 * @throws {TypeError} for wrong kinds, and for a tensor that is no leaf.
 * @throws {RangeError} without any parameter, and for a `clipValue` that isn't finite or negative.
 */
export function clipGradValue(parameters: Parameters, clipValue: number): void {
  const operation = "clipGradValue";
  checkNumber(operation, "clipValue", clipValue, 0);
  const gradients = gradientsOf(operation, parameters);
  runCall(operation, (call) => {
    for (const gradient of gradients) {
      const length = elementCount(gradient.shape);
      call.kernel((kernels) => kernels.clamp(pointerOf(gradient), length, -clipValue, clipValue));
      markChanged(gradient);
    }
  });
}
