import { checkBoolean, checkOptions } from "../arguments.js";
import { rangeError } from "../errors.js";
import { bytesPerElement, type FloatDType } from "../tensor/dtype.js";
import { elementCount, type Shape } from "../tensor/shape.js";
import type { Tensor } from "../tensor/tensor.js";
import { around, readAxis } from "./axis.js";
import { scaleTo } from "./broadcasting.js";
import { type Call, runCall } from "./call.js";
import { describeFloat } from "./float-operand.js";
import type { TensorLike } from "./operand.js";

/** Options of `sum` and `mean`. */
export interface ReductionOptions {
  /** Along which axes; negative ones count from the last. Default: all. */
  axis?: number | readonly number[];
  /** Keep these axes, with size 1. Default: false. */
  keepDims?: boolean;
}

/** What the gradient of a sum must know. */
export interface SumDetails {
  /** The output's shape with the axes that were summed, which have size 1. */
  readonly kept: Shape;
  /** By what the sum was multiplied. */
  readonly factor: number;
}

/** The axes that are asked for. */
function readAxes(operation: string, axis: number | readonly number[] | undefined, shape: Shape): ReadonlySet<number> {
  if (axis === undefined) return new Set(shape.keys());
  if (!Array.isArray(axis)) return new Set([readAxis(operation, axis as number, shape).axis]);
  const axes = axis.map((one: number) => readAxis(operation, one, shape).axis);
  const distinct = new Set(axes);
  if (axes.length === 0 || distinct.size < axes.length) {
    throw rangeError(operation, "axis", "at least one axis, each of them once", axis);
  }
  return distinct;
}

/** Writes the sums of float32 elements at `source` along some axes: neighbouring axes together, the last ones first. */
export function sumAxes(
  call: Call,
  output: number,
  source: number,
  shape: Shape,
  isSummed: (axis: number) => boolean,
): void {
  // Axes of size 1 count as neighbours of any.
  const runs: [first: number, end: number][] = [];
  for (let end = shape.length; end > 0;) {
    let first = end;
    while (first > 0 && (isSummed(first - 1) || shape[first - 1] === 1)) first--;
    if (elementCount(shape.slice(first, end)) !== 1) runs.push([first, end]);
    end = first - 1;
  }
  // Without any, every number is the sum of itself.
  if (runs.length === 0) runs.push([shape.length, shape.length]);
  const left = [...shape];
  let pointer = source;
  runs.forEach(([first, end], index) => {
    const { outer, length, inner } = around(left, first, end);
    const isLast = index === runs.length - 1;
    const target = isLast ? output : call.temporary(outer * inner * bytesPerElement.float32);
    const from = pointer;
    call.kernel((kernels) => kernels.sum_along(target, from, outer, length, inner));
    left.fill(1, first, end);
    pointer = target;
  });
}

function reduce(
  operation: string,
  input: TensorLike,
  options: ReductionOptions | undefined,
  factorOf: (count: number) => number,
): Tensor<FloatDType> {
  const { axis, keepDims = false } = checkOptions(operation, options, ["axis", "keepDims"]);
  const x = describeFloat(operation, "input", input);
  const axes = readAxes(operation, axis, x.shape);
  checkBoolean(operation, "keepDims", keepDims);
  const kept = x.shape.map((size, index) => (axes.has(index) ? 1 : size));
  const shape = keepDims ? kept : x.shape.filter((_, index) => !axes.has(index));
  const count = elementCount(x.shape.filter((_, index) => axes.has(index)));
  const factor = factorOf(count);
  return runCall(operation, (call) => {
    const source = call.inputAsFloat32(x);
    const output = call.outputFromFloat32(shape, x.dtype, (output) => {
      const isScaled = factor !== 1;
      const sums = isScaled ? call.temporary(elementCount(shape) * bytesPerElement.float32) : output;
      sumAxes(call, sums, source, x.shape, (index) => axes.has(index));
      if (isScaled) scaleTo(call, output, shape, sums, shape, factor);
    });
    return call.record("sum", [x], output, { kept, factor } satisfies SumDetails);
  });
}

/**
 * The sum of the elements along some axes, in an order that the shape alone fixes. The error in float32 is at most
 * 2^-24 · min(n, 256 + n/256) · Σ |input|, with n the number of elements in a sum; a sum of none is 0.
 *
 * @example
 * ```js
 * import { init, sum } from "wasm-attention";
 *
 * await init();
 * const input = { data: [1, 2, 3, 4, 5, 6], shape: [2, 3] };
 * console.log(sum(input).item()); // 21
 * console.log(sum(input, { axis: -1, keepDims: true }).toNested()); // [[6], [15]]
 * ```
 *
 * @param input Any shape; float32, float16 or bfloat16.
 * @param options The axes; all by default.
 * @returns A tensor of the input's dtype, without the axes or, with `keepDims`, with size 1 for them.
 * @throws {TypeError} for another dtype.
 * @throws {RangeError} for an axis that the input hasn't, for one that is named twice, for an empty array of axes, and for lack of
 *   memory.
 */
export const sum = (input: TensorLike, options?: ReductionOptions): Tensor<FloatDType> =>
  reduce("sum", input, options, () => 1);

/**
 * The mean of the elements along some axes: their sum times 1/n. The error in float32 is at most
 * 2^-24 · (2 + min(n, 256 + n/256)) · mean |input| + 2^-149, with n the number of elements in a sum; a mean of none is NaN, as in
 * PyTorch.
 *
 * @param input Any shape; float32, float16 or bfloat16.
 * @param options The axes; all by default.
 * @returns A tensor of the input's dtype, without the axes or, with `keepDims`, with size 1 for them.
 * @throws {TypeError} for another dtype.
 * @throws {RangeError} for an axis that the input hasn't, for one that is named twice, for an empty array of axes, and for lack of
 *   memory.
 */
export const mean = (input: TensorLike, options?: ReductionOptions): Tensor<FloatDType> =>
  reduce("mean", input, options, (count) => 1 / count);
