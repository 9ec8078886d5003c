import { checkOptions } from "../arguments.js";
import { bytesPerElement, type FloatDType } from "../tensor/dtype.js";
import type { Tensor } from "../tensor/tensor.js";
import { readAxis } from "./axis.js";
import { runCall } from "./call.js";
import { describeFloat } from "./float-operand.js";
import type { TensorLike } from "./operand.js";

const OPERATION = "softmax";

/** Options of `softmax`. */
export interface SoftmaxOptions {
  /** Along which axis the results add up to 1; negative ones count from the last. Default: -1. */
  axis?: number;
}

/**
 * exp(input − m) / Σ exp(input − m) along an axis, with m the maximum.
 *
 * As in PyTorch, where there is NaN or +Infinity, or nothing but -Infinity, all results along the axis are NaN.
 * (Attention is gentler to rows that see nothing.) In float32 the error is at most 2^-24 · (12 + |input − m| + n/1024) ·
 * result + 2^-100, with n the size of the axis; what is below 2^-100 of the largest may be 0.
 *
 * @example
 * ```js
 * import { init, softmax } from "wasm-attention";
 *
 * await init();
 * const weights = softmax({ data: [0, 0, 0, 0], shape: [2, 2] });
 * console.log(weights.toNested()); // [[0.5, 0.5], [0.5, 0.5]]
 * ```
 *
 * @param input Any shape; float32, float16 or bfloat16.
 * @param options The axis; the last by default.
 * @returns A tensor of the input's shape and dtype.
 * @throws {TypeError} for another dtype.
 * @throws {RangeError} for an axis that the input hasn't, and for lack of memory.
 */
export function softmax(input: TensorLike, options?: SoftmaxOptions): Tensor<FloatDType> {
  const { axis: asked = -1 } = checkOptions(OPERATION, options, ["axis"]);
  const x = describeFloat(OPERATION, "input", input);
  const { outer, length, inner } = readAxis(OPERATION, asked, x.shape);

  return runCall(OPERATION, (call) => {
    const source = call.inputAsFloat32(x);
    const scratchLength = call.kernelStatus((kernels) => kernels.softmax_scratch_length(length, inner));
    const scratch = call.temporary(scratchLength * bytesPerElement.float32);
    return call.outputFromFloat32(x.shape, x.dtype, (output) =>
      call.kernel((kernels) => kernels.softmax(output, source, scratch, outer, length, inner)),
    );
  });
}
