import { checkInteger, checkOptions } from "../arguments.js";
import type { Kernels } from "../runtime/build.js";
import { bytesPerElement, type FloatDType } from "../tensor/dtype.js";
import { elementCount, type Shape } from "../tensor/shape.js";
import type { Tensor } from "../tensor/tensor.js";
import { type Call, runCall } from "./call.js";
import { describeFloat, type FloatOperand } from "./float-operand.js";
import type { TensorLike } from "./operand.js";

/** A shape as the kernels see it: the sizes before the axis, its own, and those after it. */
type AxisSizes = readonly [outer: number, length: number, inner: number];

/** What computes rows along the axis in the middle of three. */
export type AxisKernel = (
  kernels: Kernels,
  output: number,
  input: number,
  scratch: number,
  ...sizes: AxisSizes
) => number;

/** What the gradient of a call along an axis depends on. */
export interface AxisDetails {
  readonly x: FloatOperand;
  readonly sizes: AxisSizes;
}

function readAxis(operation: string, asked: number, shape: Shape): AxisSizes {
  // A single number counts as one axis, as in PyTorch.
  const rank = Math.max(shape.length, 1);
  checkInteger(operation, "axis", asked, -rank, rank - 1);
  const axis = asked < 0 ? asked + rank : asked;
  return [elementCount(shape.slice(0, axis)), shape[axis] ?? 1, elementCount(shape.slice(axis + 1))];
}

/** Runs a kernel of so many arrays, the output among them, which gets its working memory. */
export function runAlongAxis(
  call: Call,
  arrays: number,
  [outer, length, inner]: AxisSizes,
  kernel: (kernels: Kernels, scratch: number, ...sizes: AxisSizes) => number,
): void {
  const scratchLength = call.kernelStatus((kernels) => kernels.axis_scratch_length(arrays, length, inner));
  const scratch = scratchLength === 0 ? 0 : call.temporary(scratchLength * bytesPerElement.float32);
  call.kernel((kernels) => kernel(kernels, scratch, outer, length, inner));
}

/** An operation of one operand along an axis, the last by default. It is differentiated by the rule of its name. */
export function alongAxis(
  operation: string,
  input: TensorLike,
  options: { axis?: number } | undefined,
  kernel: AxisKernel,
): Tensor<FloatDType> {
  const { axis = -1 } = checkOptions(operation, options, ["axis"]);
  const x = describeFloat(operation, "input", input);
  const sizes = readAxis(operation, axis, x.shape);
  return runCall(operation, (call) => {
    const source = call.inputAsFloat32(x);
    const result = call.outputFromFloat32(x.shape, x.dtype, (output) =>
      runAlongAxis(call, 2, sizes, (kernels, ...where) => kernel(kernels, output, source, ...where)),
    );
    return call.record<AxisDetails, Tensor<FloatDType>>(operation, [x], result, { x, sizes });
  });
}
