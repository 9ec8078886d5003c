/** Sums and products of two operands in float64, as they are broadcast. */
import { broadcastShape, elementsOf, sumTo } from "./broadcasting.js";

/** Elements and their shape. */
export interface Operand {
  readonly values: ArrayLike<number>;
  readonly shape: readonly number[];
}

function combine(a: Operand, b: Operand, operator: (x: number, y: number) => number): Float64Array {
  const shape = broadcastShape(a.shape, b.shape);
  const places = elementsOf(shape, b.shape);
  return Float64Array.from(elementsOf(shape, a.shape), (place, element) =>
    operator(a.values[place], b.values[places[element]]),
  );
}

export const add = (a: Operand, b: Operand): Float64Array => combine(a, b, (x, y) => x + y);

export const mul = (a: Operand, b: Operand): Float64Array => combine(a, b, (x, y) => x * y);

/** The gradient of an operand of a sum: dy, summed over the axes that were broadcast. */
export const gradientOfAdd = (dy: Operand, operand: Operand): Float64Array => sumTo(dy.values, dy.shape, operand.shape);

/** The gradient of an operand of a product: dy · other, summed over the axes that were broadcast. */
export const gradientOfMul = (dy: Operand, operand: Operand, other: Operand): Float64Array =>
  sumTo(mul(dy, other), dy.shape, operand.shape);
