import { shapeError, typeError } from "../../errors.js";
import { dtypeCode, isFloat } from "../../tensor/dtype.js";
import { elementCount } from "../../tensor/shape.js";
import { describe, type Operand, type TensorLike } from "../operand.js";
import type { Geometry } from "./geometry.js";

/** The kernels' number for a boolean mask, beside those of the float dtypes. */
const BOOLEAN_MASK = 3;

/** A mask that fits its call. A stride of 0 broadcasts. */
export interface Mask {
  operand: Operand;
  dtypeCode: number;
  length: number;
  batchStride: number;
  headStride: number;
  rowStride: number;
  keyStride: number;
  /** Keys that it covers; the further ones are hidden by the key lengths. */
  keys: number;
}

/**
 * Checks a mask against `[B, H, L, T]` (or what the inputs' rank leaves of it), aligned at the right. Throws a TypeError
 * for a dtype that is neither bool nor float, a RangeError for a shape that doesn't broadcast.
 */
export function readMask(
  operation: string,
  value: TensorLike,
  geometry: Geometry,
  keyLengths: readonly number[] | undefined,
): Mask {
  const operand = describe(operation, "attnMask", value);
  const { shape, dtype } = operand;
  if (dtype !== "bool" && !isFloat(dtype)) {
    throw typeError(operation, "attnMask", "bool, float32, float16 or bfloat16", dtype);
  }

  const full = [...geometry.leadingShape, geometry.queryLength, geometry.keyLength];
  const expected = `a shape of rank 1 to ${full.length} that broadcasts to [${full.join(", ")}]`;
  if (shape.length < 1 || shape.length > full.length) throw shapeError(operation, "attnMask", expected, shape);

  const sizes = [...Array<number>(full.length - shape.length).fill(1), ...shape];
  const last = full.length - 1;
  // A mask may end where all valid keys end (the cache of ONNX-24 is longer than its mask).
  const coversValidKeys =
    keyLengths !== undefined && sizes[last] < full[last] && keyLengths.every((length) => length <= sizes[last]);
  sizes.forEach((size, axis) => {
    const fits = size === 1 || size === full[axis] || (axis === last && coversValidKeys);
    if (!fits) throw shapeError(operation, "attnMask", expected, shape);
  });

  const strides = sizes.map((size, axis) => (size === 1 ? 0 : elementCount(sizes.slice(axis + 1))));
  const [batchStride, headStride] =
    geometry.leadingShape.length === 2 ? strides : geometry.leadingShape.length === 1 ? [strides[0], 0] : [0, 0];
  return {
    operand,
    dtypeCode: dtype === "bool" ? BOOLEAN_MASK : dtypeCode(dtype),
    length: elementCount(shape),
    batchStride,
    headStride,
    rowStride: strides[last - 1],
    keyStride: strides[last],
    keys: sizes[last] === 1 ? geometry.keyLength : sizes[last],
  };
}
