import { shapeError, typeError } from "../errors.js";

/** Sizes, from the slowest axis to the fastest; [] is the shape of a single number. */
export type Shape = readonly number[];

/** What 32-bit sizes hold, so that kernels can multiply the sizes of an empty tensor too. */
const LARGEST_EMPTY_EXTENT = 2 ** 31 - 1;

/** The number of elements. */
export const elementCount = (shape: Shape): number => shape.reduce((count, size) => count * size, 1);

/** Whether two shapes have the same sizes. */
export const sameShape = (a: Shape, b: Shape): boolean =>
  a.length === b.length && a.every((size, axis) => size === b[axis]);

/** A frozen copy of a shape. Throws when it isn't one, or when the number of its elements can't be represented. */
export function checkShape(operation: string, argument: string, shape: unknown): Shape {
  const expected = "an array of non-negative integers";
  if (!Array.isArray(shape)) throw typeError(operation, argument, expected, shape);
  const sizes: unknown[] = Array.from(shape);
  if (!sizes.every((size) => typeof size === "number")) throw typeError(operation, argument, expected, shape);
  if (!sizes.every((size) => Number.isSafeInteger(size) && size >= 0)) {
    throw shapeError(operation, argument, expected, shape);
  }
  const extent = elementCount(sizes.filter((size) => size !== 0));
  const limit = sizes.includes(0) ? LARGEST_EMPTY_EXTENT : Number.MAX_SAFE_INTEGER;
  if (extent > limit) {
    throw shapeError(operation, argument, `sizes whose product is at most ${limit}`, shape);
  }
  return Object.freeze(sizes);
}

/** Throws a RangeError unless something has one of the expected shapes; `note` says why it must. */
export function requireShape(
  operation: string,
  { argument, shape }: { readonly argument: string; readonly shape: Shape },
  expected: readonly Shape[],
  note = "",
): void {
  if (expected.some((candidate) => sameShape(candidate, shape))) return;
  const texts = expected.map((candidate) => `[${candidate.join(", ")}]`);
  throw shapeError(operation, argument, `shape ${texts.join(" or ")}${note}`, shape);
}

const wrongCount = (operation: string, argument: string, shape: unknown, count: number): RangeError =>
  shapeError(operation, argument, `a shape of ${count} elements`, shape);

/** A shape for so many elements. */
export function checkCount(operation: string, argument: string, shape: unknown, count: number): Shape {
  const checked = checkShape(operation, argument, shape);
  if (elementCount(checked) !== count) throw wrongCount(operation, argument, shape, count);
  return checked;
}

/** A shape for so many elements, in which one size may be -1: what is left for it. */
export function resolveShape(operation: string, argument: string, shape: unknown, count: number): Shape {
  const open = Array.isArray(shape) ? shape.indexOf(-1) : -1;
  if (open < 0) return checkCount(operation, argument, shape, count);
  const others = (shape as unknown[]).filter((_, axis) => axis !== open);
  const rest = elementCount(checkShape(operation, argument, others));
  const resolved = (shape as unknown[]).map((size, axis) => (axis === open ? count / rest : size));
  if (!Number.isInteger(count / rest)) throw wrongCount(operation, argument, shape, count);
  return checkShape(operation, argument, resolved);
}
