import { typeError } from "../errors.js";
import type { Kernels } from "../runtime/build.js";
import type { FloatDType } from "../tensor/dtype.js";
import type { Tensor } from "../tensor/tensor.js";
import { broadcastAxes, requireBroadcast } from "./broadcasting.js";
import { runCall } from "./call.js";
import { describeFloat, type FloatOperand } from "./float-operand.js";
import type { TensorLike } from "./operand.js";

type Kernel = (kernels: Kernels, ...numbers: [number, number, number, number, number]) => void;

/** An operand that may be a number: a tensor of rank 0 then, which is a constant. */
function describeOperand(operation: string, argument: string, value: TensorLike | number): FloatOperand {
  if (typeof value !== "number") return describeFloat(operation, argument, value);
  const elements = Float32Array.of(value);
  return {
    argument,
    shape: [],
    dtype: "float32",
    content: { elements, storedAs: "float32", dtype: "float32", shape: [] },
  };
}

function combine(
  operation: string,
  a: TensorLike | number,
  b: TensorLike | number,
  kernel: Kernel,
): Tensor<FloatDType> {
  if (typeof a === "number" && typeof b === "number") {
    throw typeError(operation, "b", "a Tensor or { data, shape } beside the number a", b);
  }
  const first = describeOperand(operation, "a", a);
  const second = describeOperand(operation, "b", b);
  const shape = requireBroadcast(operation, first.shape, second);
  const { dtype } = typeof a === "number" ? second : first;
  return runCall(operation, (call) => {
    const [x, y] = [call.inputAsFloat32(first), call.inputAsFloat32(second)];
    const axes = broadcastAxes(call, shape, first.shape, second.shape);
    const output = call.outputFromFloat32(shape, dtype, (output) =>
      call.kernel((kernels) => kernel(kernels, output, x, y, ...axes)),
    );
    return call.record(operation, [first, second], output, undefined);
  });
}

/**
 * a + b, element by element, as PyTorch broadcasts: shapes are aligned at their last axes, and an axis of size 1, or one that is
 * missing, goes with any size.
 *
 * Rounded once: the error in float32 is at most 2^-24 · |result|.
 *
 * @example
 * ```js
 * import { add, init } from "wasm-attention";
 *
 * await init();
 * const rows = { data: [1, 2, 3, 4], shape: [2, 2] };
 * console.log(add(rows, { data: [10, 20], shape: [2] }).toNested()); // [[11, 22], [13, 24]]
 * console.log(add(rows, 1).toNested()); // [[2, 3], [4, 5]]
 * ```
 *
 * @param a Any shape; float32, float16 or bfloat16; or a number, which is rounded to float32.
 * @param b A shape that broadcasts with a's, of any float dtype; or a number, where a is none.
 * @returns A tensor of the shape that both are broadcast to, in a's dtype; in b's where a is a number.
 * @throws {TypeError} for another dtype, and for two numbers.
 * @throws {RangeError} for shapes that don't broadcast, and for lack of memory.
 */
export const add = (a: TensorLike | number, b: TensorLike | number): Tensor<FloatDType> =>
  combine("add", a, b, (kernels, ...numbers) => kernels.add(...numbers));

/**
 * a · b, element by element, as PyTorch broadcasts: shapes are aligned at their last axes, and an axis of size 1, or one that is
 * missing, goes with any size.
 *
 * Rounded once: the error in float32 is at most 2^-24 · |result| + 2^-150.
 *
 * @param a Any shape; float32, float16 or bfloat16; or a number, which is rounded to float32.
 * @param b A shape that broadcasts with a's, of any float dtype; or a number, where a is none.
 * @returns A tensor of the shape that both are broadcast to, in a's dtype; in b's where a is a number.
 * @throws {TypeError} for another dtype, and for two numbers.
 * @throws {RangeError} for shapes that don't broadcast, and for lack of memory.
 */
export const mul = (a: TensorLike | number, b: TensorLike | number): Tensor<FloatDType> =>
  combine("mul", a, b, (kernels, ...numbers) => kernels.mul(...numbers));
