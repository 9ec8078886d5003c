import { checkInteger } from "../arguments.js";
import { elementCount, type Shape } from "../tensor/shape.js";

/** An axis of a tensor, or several that follow each other: it counts as `[outer, length, inner]` with them in the middle. */
export interface Axis {
  /** The first of them. */
  readonly axis: number;
  readonly outer: number;
  readonly length: number;
  readonly inner: number;
}

/** What a shape is around the axes from `axis` to before `end`. */
export const around = (shape: Shape, axis: number, end = axis + 1): Axis => ({
  axis,
  outer: elementCount(shape.slice(0, axis)),
  length: elementCount(shape.slice(axis, end)),
  inner: elementCount(shape.slice(end)),
});

/** Finds an axis, of which negative ones count from the last. A single number counts as one axis, as in PyTorch. */
export function readAxis(operation: string, asked: number, shape: Shape, argument = "axis"): Axis {
  const rank = Math.max(shape.length, 1);
  checkInteger(operation, argument, asked, -rank, rank - 1);
  return around(shape, asked < 0 ? asked + rank : asked);
}

/** The shape with another size along an axis. */
export const withSize = (shape: Shape, axis: number, size: number): number[] =>
  shape.map((own, at) => (at === axis ? size : own));
