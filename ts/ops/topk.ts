import { checkBoolean, checkInteger, checkOptions } from "../arguments.js";
import { shapeError } from "../errors.js";
import type { FloatDType } from "../tensor/dtype.js";
import { pointerOf, type Tensor } from "../tensor/tensor.js";
import { type Axis, readAxis, withSize } from "./axis.js";
import { type Call, runCall } from "./call.js";
import { describeFloat, type FloatOperand } from "./float-operand.js";
import type { TensorLike } from "./operand.js";

/** Options of `argmax`. */
export interface ArgmaxOptions {
  /** Along which axis; negative ones count from the last. Default: -1. */
  axis?: number;
  /** Whether the axis stays, with a size of 1. Default: false. */
  keepDims?: boolean;
}

/** Options of `topk`. */
export interface TopkOptions {
  /** Along which axis; negative ones count from the last. Default: -1. */
  axis?: number;
}

/** What `topk` returns. */
export interface TopkResult {
  /** In descending order along the axis, in the input's dtype. */
  values: Tensor<FloatDType>;
  /** Where along the axis they stand. */
  indices: Tensor<"int32">;
}

/** What the gradient of `topk` needs of a call. */
export interface TopkDetails extends Axis {
  readonly k: number;
}

/** Runs the kernel: indices, and values where a pointer to them is given. */
function select(
  call: Call,
  x: FloatOperand,
  values: number,
  indices: number,
  { outer, length, inner, k }: TopkDetails,
) {
  const source = call.inputAsFloat32(x);
  const scratch = call.temporary(8 * k);
  call.kernel((kernels) => kernels.topk(values, indices, source, scratch, outer, length, inner, k));
}

/**
 * Where along an axis the largest element stands: of equal ones the first. NaN counts as the largest, as in PyTorch, and 0 and −0
 * are equal. No gradient flows through it.
 *
 * @param input Any shape; float32, float16 or bfloat16.
 * @param options The axis, the last by default, and whether it stays.
 * @returns An int32 tensor of the input's shape without the axis, or with 1 there.
 * @throws {TypeError} for another dtype, and for wrong kinds.
 * @throws {RangeError} for an axis that the input hasn't, or whose size is 0, and for lack of memory.
 */
export function argmax(input: TensorLike, options?: ArgmaxOptions): Tensor<"int32"> {
  const given = checkOptions("argmax", options, ["axis", "keepDims"]);
  const x = describeFloat("argmax", "input", input);
  const found = readAxis("argmax", given.axis ?? -1, x.shape);
  const keepDims = checkBoolean("argmax", "keepDims", given.keepDims ?? false);
  const { axis, length } = found;
  if (length === 0) throw shapeError("argmax", "input", `at least one element along axis ${axis}`, x.shape);
  return runCall("argmax", (call) => {
    const shape = keepDims ? withSize(x.shape, axis, 1) : x.shape.filter((_, at) => at !== axis);
    const indices = call.output(shape, "int32");
    select(call, x, 0, pointerOf(indices), { ...found, k: 1 });
    return indices;
  });
}

/**
 * The k largest elements along an axis, in descending order, and where they stand. Of equal ones the first comes first; NaN
 * counts as the largest, as in PyTorch, and 0 and −0 are equal. The gradient of the values goes to the places that they came from.
 *
 * @param input Any shape; float32, float16 or bfloat16.
 * @param k From 0 to the size of the axis; 1 of a single number.
 * @param options The axis; the last by default.
 * @returns The values, in the input's dtype, and their int32 indices: both of the input's shape with k along the axis.
 * @throws {TypeError} for another dtype, and for wrong kinds.
 * @throws {RangeError} for an axis that the input hasn't, a k that is larger, and for lack of memory.
 */
export function topk(input: TensorLike, k: number, options?: TopkOptions): TopkResult {
  const given = checkOptions("topk", options, ["axis"]);
  const x = describeFloat("topk", "input", input);
  const found = readAxis("topk", given.axis ?? -1, x.shape);
  // The shape of a single number has no place for a size of 0.
  const details = { ...found, k: checkInteger("topk", "k", k, Number(x.shape.length === 0), found.length) };
  return runCall("topk", (call) => {
    const shape = withSize(x.shape, found.axis, k);
    const indices = call.output(shape, "int32");
    const values = call.outputFromFloat32(shape, x.dtype, (output) =>
      select(call, x, output, pointerOf(indices), details),
    );
    call.record("topk", [x], [values, indices], details);
    return { values, indices };
  });
}
