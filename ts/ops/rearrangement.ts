import { checkInteger, checkOptions } from "../arguments.js";
import { rangeError, shapeError, typeError } from "../errors.js";
import { bytesPerElement } from "../tensor/dtype.js";
import { checkShape, requireShape, type Shape } from "../tensor/shape.js";
import { pointerOf, type Tensor } from "../tensor/tensor.js";
import { around, readAxis, withSize } from "./axis.js";
import { runCall } from "./call.js";
import { describe, type TensorLike } from "./operand.js";

/** Options of `cat`. */
export interface CatOptions {
  /** Along which axis; negative ones count from the last. Default: 0. */
  axis?: number;
}

/** What the gradient of `cat` must know. */
export interface CatDetails {
  readonly axis: number;
}

/** What the gradient of `narrow` must know. */
export interface NarrowDetails {
  readonly axis: number;
  readonly start: number;
}

/** What the gradient of `transpose` must know. */
export interface TransposeDetails {
  readonly axes: readonly [number, number];
}

/** Throws a RangeError for a single number, which has no axis. */
function requireAxes(operation: string, { argument, shape }: { argument: string; shape: Shape }): void {
  if (shape.length === 0) throw shapeError(operation, argument, "at least one axis", shape);
}

/**
 * Tensors one after the other along an axis, as PyTorch's `cat`. Elements are copied bit for bit.
 *
 * @example
 * ```js
 * import { cat, init } from "wasm-attention";
 *
 * await init();
 * const a = { data: [1, 2], shape: [2, 1] };
 * const b = { data: [3, 4], shape: [2, 1] };
 * console.log(cat([a, b], { axis: 1 }).toNested()); // [[1, 3], [2, 4]]
 * ```
 *
 * @param tensors At least one, of any dtype, all of the same dtype and of the same sizes but along the axis.
 * @param options The axis; the first by default.
 * @returns A tensor of their dtype.
 * @throws {TypeError} for anything but an array, and for different dtypes.
 * @throws {RangeError} for no tensors at all, for different sizes, for single numbers, for an axis that they haven't, and for lack of
 *   memory.
 */
export function cat(tensors: readonly TensorLike[], options?: CatOptions): Tensor {
  const { axis: asked = 0 } = checkOptions("cat", options, ["axis"]);
  if (!Array.isArray(tensors)) throw typeError("cat", "tensors", "an array of tensors", tensors);
  if (tensors.length === 0) throw rangeError("cat", "tensors", "at least one tensor", tensors);
  const parts = tensors.map((tensor: TensorLike, index) => describe("cat", `tensors[${index}]`, tensor));
  const [{ shape: shapeOfFirst, dtype }] = parts;
  requireAxes("cat", parts[0]);
  const { axis, inner } = readAxis("cat", asked, shapeOfFirst);
  for (const part of parts) {
    if (part.dtype !== dtype) throw typeError("cat", part.argument, `${dtype}, as tensors[0] has it`, part.dtype);
    const expected = withSize(shapeOfFirst, axis, part.shape[axis] ?? 0);
    requireShape("cat", part, [expected], ", that of tensors[0] but for the axis");
  }
  const total = parts.reduce((sum, { shape }) => sum + shape[axis], 0);
  const outputShape = checkShape("cat", "tensors", withSize(shapeOfFirst, axis, total));
  return runCall("cat", (call) => {
    const sources = parts.map((part) => call.input(part));
    const output = call.output(outputShape, dtype);
    const stride = total * inner * bytesPerElement[dtype];
    let target = pointerOf(output);
    parts.forEach(({ shape }, index) => {
      const { outer, length } = around(shape, axis);
      const bytes = length * inner * bytesPerElement[dtype];
      const to = target;
      call.kernel((kernels) => kernels.copy_rows(to, sources[index], outer, bytes, stride, bytes));
      target += bytes;
    });
    return call.record("cat", parts, output, { axis } satisfies CatDetails);
  });
}

/**
 * A part of a tensor along an axis, as PyTorch's `narrow`, but a copy: `length` places from `start` on, bit for bit.
 *
 * @param input At least one axis; any dtype.
 * @param axis Which axis; negative ones count from the last.
 * @param start The first place; negative ones count from the end.
 * @param length How many places.
 * @returns A tensor of the input's dtype, and of its shape but for the axis.
 * @throws {TypeError} for anything but a tensor and integers.
 * @throws {RangeError} for an axis, a start or a length that the input hasn't, for a single number, and for lack of memory.
 */
export function narrow(input: TensorLike, axis: number, start: number, length: number): Tensor {
  const x = describe("narrow", "input", input);
  requireAxes("narrow", x);
  const { axis: along, outer, length: size, inner } = readAxis("narrow", axis, x.shape);
  checkInteger("narrow", "start", start, -size, size);
  const first = start < 0 ? start + size : start;
  checkInteger("narrow", "length", length, 0, size - first);
  return runCall("narrow", (call) => {
    const bytes = inner * bytesPerElement[x.dtype];
    const source = call.input(x) + first * bytes;
    const output = call.output(withSize(x.shape, along, length), x.dtype);
    const target = pointerOf(output);
    call.kernel((kernels) => kernels.copy_rows(target, source, outer, length * bytes, length * bytes, size * bytes));
    return call.record("narrow", [x], output, { axis: along, start: first } satisfies NarrowDetails);
  });
}

/**
 * A tensor with two axes exchanged, as PyTorch's `transpose`, but a copy, bit for bit.
 *
 * @param input Any shape and dtype.
 * @param axis0 One axis; negative ones count from the last.
 * @param axis1 The other.
 * @returns A tensor of the input's dtype.
 * @throws {TypeError} for anything but a tensor and integers.
 * @throws {RangeError} for an axis that the input hasn't, and for lack of memory.
 */
export function transpose(input: TensorLike, axis0: number, axis1: number): Tensor {
  const x = describe("transpose", "input", input);
  const axes = [
    readAxis("transpose", axis0, x.shape, "axis0").axis,
    readAxis("transpose", axis1, x.shape, "axis1").axis,
  ] as const;
  const [first, second] = [Math.min(...axes), Math.max(...axes)];
  const shape = x.shape.map((size, axis) => x.shape[axis === first ? second : axis === second ? first : axis] ?? size);
  const { outer, length } = around(x.shape, first);
  const middle = around(x.shape, first + 1, second).length;
  // An axis is exchanged with itself as with one of size 1 behind it.
  const { length: otherLength, inner } = around(x.shape, Math.max(second, first + 1), second + 1);
  return runCall("transpose", (call) => {
    const source = call.input(x);
    const output = call.output(shape, x.dtype);
    const target = pointerOf(output);
    const bytes = inner * bytesPerElement[x.dtype];
    call.kernel((kernels) => kernels.transpose(target, source, outer, length, middle, otherLength, bytes));
    return call.record("transpose", [x], output, { axes } satisfies TransposeDetails);
  });
}
