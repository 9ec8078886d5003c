import { checkInteger } from "../arguments.js";
import { elementCount, type Shape } from "../tensor/shape.js";

/** An axis as callers give it, negative ones counted from the last, from 0 on. A single number counts as one axis, as in PyTorch. */
export function readAxis(operation: string, argument: string, axis: number, shape: Shape): number {
  const rank = Math.max(shape.length, 1);
  checkInteger(operation, argument, axis, -rank, rank - 1);
  return axis < 0 ? axis + rank : axis;
}

/** The number of elements of some axes, and of those before and behind them. */
export const countsAround = (shape: Shape, first: number, end = first + 1): [number, number, number] => [
  elementCount(shape.slice(0, first)),
  elementCount(shape.slice(first, end)),
  elementCount(shape.slice(end)),
];
