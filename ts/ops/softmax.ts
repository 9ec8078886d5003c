import { checkInteger, checkOptions } from "../arguments.js";
import { float32View } from "../runtime/memory.js";
import { bytesPerElement, type FloatDType } from "../tensor/dtype.js";
import { elementCount, type Shape } from "../tensor/shape.js";
import type { Tensor } from "../tensor/tensor.js";
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
 * @param input Any shape; float32, float16 or bfloat16. The result has both.
 *
 * As in PyTorch, where there is NaN or +Infinity, or nothing but -Infinity, all results along the axis are NaN.
 * (Attention is gentler to rows that see nothing.) In float32 the error is at most result · 2^-24 · (12 + |input − m| +
 * n/1024) + 2^-99, with n the size of the axis; what is below 2^-99 of the largest may be 0.
 *
 * Throws a TypeError for another dtype, a RangeError for an axis that the input hasn't.
 */
export function softmax(input: TensorLike, options?: SoftmaxOptions): Tensor<FloatDType> {
  const { axis: asked = -1 } = checkOptions(OPERATION, options, ["axis"]);
  const x = describeFloat(OPERATION, "input", input);
  const axis = readAxis(asked, x.shape);
  const count = elementCount(x.shape);
  const columns = x.shape[axis] ?? 1;
  const inner = elementCount(x.shape.slice(axis + 1));
  const rows = count === 0 ? 0 : count / columns;

  return runCall(OPERATION, (call) => {
    const source = call.inputAsFloat32(x);
    return call.outputFromFloat32(x.shape, x.dtype, (output) => {
      if (inner === 1 || count === 0) {
        call.kernel((kernels) => kernels.softmax(output, source, rows, columns));
        return;
      }
      const moved = call.temporary(count * bytesPerElement.float32);
      const weights = call.temporary(count * bytesPerElement.float32);
      swapInnerAxes(float32View(moved, count), float32View(source, count), columns, inner);
      call.kernel((kernels) => kernels.softmax(weights, moved, rows, columns));
      swapInnerAxes(float32View(output, count), float32View(weights, count), inner, columns);
    });
  });
}

function readAxis(axis: number, shape: Shape): number {
  // A single number counts as one axis, as in PyTorch.
  const rank = Math.max(shape.length, 1);
  checkInteger(OPERATION, "axis", axis, -rank, rank - 1);
  return axis < 0 ? axis + rank : axis;
}

/** target `[…, columns, rows]` = source `[…, rows, columns]`. */
function swapInnerAxes(target: Float32Array, source: Float32Array, rows: number, columns: number): void {
  for (let start = 0; start < source.length; start += rows * columns) {
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++) {
        target[start + column * rows + row] = source[start + row * columns + column];
      }
    }
  }
}
