import { shapeError } from "../errors.js";
import { float32View, int32View } from "../runtime/memory.js";
import { show } from "../show.js";
import { checkShape, type Shape } from "../tensor/shape.js";
import type { Call } from "./call.js";

/** The size of an axis of a shape that is broadcast to `rank` axes: missing ones come first, with size 1. */
const sizeOf = (shape: Shape, axis: number, rank: number): number => shape[axis - rank + shape.length] ?? 1;

/**
 * The shape that two are broadcast to, as in PyTorch: sizes are equal, or one of them is 1. Throws a RangeError where that isn't
 * so.
 */
export function requireBroadcast(
  operation: string,
  a: Shape,
  { argument, shape: b }: { readonly argument: string; readonly shape: Shape },
): Shape {
  const rank = Math.max(a.length, b.length);
  const shape = Array.from({ length: rank }, (_, axis) => {
    const [first, second] = [sizeOf(a, axis, rank), sizeOf(b, axis, rank)];
    if (first === second || second === 1) return first;
    if (first === 1) return second;
    throw shapeError(operation, argument, `a shape that broadcasts with a's ${show(a)}`, b);
  });
  return checkShape(operation, argument, shape);
}

/**
 * The axes of a shape that operands of two shapes are broadcast to, as the kernels take them: a pointer to the words and the
 * number of axes. Axes along which both operands go on as before are one.
 */
export function broadcastAxes(call: Call, shape: Shape, a: Shape, b: Shape): readonly [pointer: number, count: number] {
  const axes: number[][] = [];
  const counts = [1, 1];
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    const size = shape[axis];
    if (size === 1) continue;
    const strides = [a, b].map((operand, index) => {
      const own = sizeOf(operand, axis, shape.length);
      const stride = own === 1 ? 0 : counts[index];
      counts[index] *= own;
      return stride;
    });
    const faster = axes[axes.length - 1];
    if (faster !== undefined && strides.every((stride, index) => stride === faster[0] * faster[index + 1])) {
      faster[0] *= size;
    } else axes.push([size, ...strides]);
  }
  return [call.words(int32View, axes.flat()), axes.length];
}

/** Writes float32 elements at `source`, of the shape `from`, times a number, broadcast to a shape. */
export function scaleTo(call: Call, output: number, shape: Shape, source: number, from: Shape, factor: number): void {
  const number = call.words(float32View, [factor]);
  const axes = broadcastAxes(call, shape, from, []);
  call.kernel((kernels) => kernels.mul(output, source, number, ...axes));
}
