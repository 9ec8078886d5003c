import { checkOptions } from "../arguments.js";
import type { Kernels } from "../runtime/build.js";
import { bytesPerElement, type FloatDType } from "../tensor/dtype.js";
import type { Tensor } from "../tensor/tensor.js";
import { type Axis, readAxis } from "./axis.js";
import { type Call, runCall } from "./call.js";
import { describeFloat, type FloatOperand } from "./float-operand.js";
import type { TensorLike } from "./operand.js";

/** What computes rows along the axis in the middle of three. */
export type AxisKernel = (
  kernels: Kernels,
  output: number,
  input: number,
  scratch: number,
  outer: number,
  length: number,
  inner: number,
) => void;

/** What the gradient of a call along an axis depends on. */
export interface AxisDetails {
  readonly x: FloatOperand;
  readonly axis: Axis;
}

/** Runs a kernel of so many arrays, the output among them, which gets its working memory. */
export function runAlongAxis(
  call: Call,
  arrays: number,
  { outer, length, inner }: Axis,
  kernel: (kernels: Kernels, scratch: number, outer: number, length: number, inner: number) => void,
): void {
  const scratchLength = call.kernelSize((kernels) => kernels.axis_scratch_length(arrays, length, inner));
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
  const { axis: asked = -1 } = checkOptions(operation, options, ["axis"]);
  const x = describeFloat(operation, "input", input);
  const axis = readAxis(operation, asked, x.shape);
  return runCall(operation, (call) => {
    const source = call.inputAsFloat32(x);
    const result = call.outputFromFloat32(x.shape, x.dtype, (output) =>
      runAlongAxis(call, 2, axis, (kernels, ...where) => kernel(kernels, output, source, ...where)),
    );
    return call.record<AxisDetails, Tensor<FloatDType>>(operation, [x], result, { x, axis });
  });
}
