import { checkInteger } from "../arguments.js";
import { elementCount, type Shape } from "../tensor/shape.js";

/** An axis of a tensor, which counts as `[outer, length, inner]` with the axis in the middle. */
export interface Axis {
  readonly axis: number;
  readonly outer: number;
  readonly length: number;
  readonly inner: number;
}

/** Finds an axis, of which negative ones count from the last. A single number counts as one axis, as in PyTorch. */
export function readAxis(operation: string, asked: number, shape: Shape): Axis {
  const rank = Math.max(shape.length, 1);
  checkInteger(operation, "axis", asked, -rank, rank - 1);
  const axis = asked < 0 ? asked + rank : asked;
  return {
    axis,
    outer: elementCount(shape.slice(0, axis)),
    length: shape[axis] ?? 1,
    inner: elementCount(shape.slice(axis + 1)),
  };
}
