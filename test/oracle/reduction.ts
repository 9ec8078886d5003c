/** Sums and means along axes in float64. */
import { elementsOf, sumTo } from "./broadcasting.js";

type Values = ArrayLike<number>;
type Shape = readonly number[];

/** The shape with size 1 for some axes. */
export const keptShape = (shape: Shape, axes: readonly number[]): number[] =>
  shape.map((size, axis) => (axes.includes(axis) ? 1 : size));

/** How many elements there are in a sum. */
export const sumLength = (shape: Shape, axes: readonly number[]): number =>
  axes.reduce((product, axis) => product * shape[axis], 1);

/** Σ over the axes. */
export const sum = (values: Values, shape: Shape, axes: readonly number[]): Float64Array =>
  sumTo(values, shape, keptShape(shape, axes));

/** Σ over the axes, divided by the number of terms. */
export const mean = (values: Values, shape: Shape, axes: readonly number[]): Float64Array =>
  sum(values, shape, axes).map((total) => total / sumLength(shape, axes));

/** The gradient of a sum: dy at every term. */
export const gradientOfSum = (dy: Values, shape: Shape, axes: readonly number[]): Float64Array =>
  Float64Array.from(elementsOf(shape, keptShape(shape, axes)), (place) => dy[place]);

/** The gradient of a mean: dy / n at every term. */
export const gradientOfMean = (dy: Values, shape: Shape, axes: readonly number[]): Float64Array =>
  gradientOfSum(dy, shape, axes).map((value) => value / sumLength(shape, axes));
