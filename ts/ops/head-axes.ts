import { checkChoice, checkInteger } from "../arguments.js";
import { misuseError, shapeError } from "../errors.js";
import { elementCount, type Shape } from "../tensor/shape.js";
import type { Operand } from "./operand.js";

/** The order of a rank-4 tensor's axes: B batch, H heads, L rows, D elements of a head. */
export type Layout = "BHLD" | "BLHD" | "LBHD";

/** Sizes go through 32-bit words, and positions through signed ones. */
export const LARGEST_SIZE = 2 ** 31 - 1;

const LAYOUTS: readonly Layout[] = ["BHLD", "BLHD", "LBHD"];

/** A tensor's sizes, whatever its rank and layout. */
export type Sizes = Readonly<Record<"B" | "H" | "L" | "D", number>>;

/** Distances in elements from one batch, head and row to the next. */
export interface Strides {
  readonly batch: number;
  readonly head: number;
  readonly row: number;
}

/**
 * The order of an input's axes. Rank 3 is `[B, L, H·D]` and rank 2 `[L, D]`, so they have the order "BLHD". Throws for a
 * layout that there is not, one beside another rank than 4, and for other ranks than 2, 3 and 4.
 */
export function readLayout(operation: string, { argument, shape }: Operand, layout: Layout = "BHLD"): Layout {
  const rank = shape.length;
  if (rank < 2 || rank > 4) throw shapeError(operation, argument, "rank 2, 3 or 4", shape);
  checkChoice(operation, "layout", layout, LAYOUTS);
  if (rank === 4) return layout;
  if (layout !== "BHLD") throw misuseError(operation, "layout", `"${layout}" is for rank 4, got rank ${rank}`);
  return "BLHD";
}

/** A number of heads, which rank 2 has no room for. */
export function checkHeads(operation: string, argument: string, heads: number | undefined, rank: number): void {
  if (heads === undefined) return;
  checkInteger(operation, argument, heads, 1, LARGEST_SIZE);
  if (rank === 2) throw misuseError(operation, argument, `rank 2 is one head, got ${heads}`);
}

/** The sizes of a shape; ranks 2 and 3 have as many heads as are given. */
export function sizesOf(layout: Layout, shape: Shape, heads = 1): Sizes {
  const [batch, length, width] = shape.length === 2 ? [1, ...shape] : shape;
  const full = shape.length === 4 ? shape : [batch, length, heads, width / heads];
  const size = (axis: string): number => full[layout.indexOf(axis)];
  return { B: size("B"), H: size("H"), L: size("L"), D: size("D") };
}

/** The sizes of an input that must have so many heads, as the option called `name` says; any number where it is undefined. */
export function readSizes(
  operation: string,
  { argument, shape }: Operand,
  layout: Layout,
  name: string,
  heads: number | undefined,
): Sizes {
  const sizes = sizesOf(layout, shape, heads);
  if (!Number.isInteger(sizes.D)) {
    throw shapeError(operation, argument, `a last axis that is a multiple of ${name}, ${heads}`, shape);
  }
  if (heads !== undefined && sizes.H !== heads) {
    throw shapeError(operation, argument, `${heads} heads, as ${name} says`, shape);
  }
  return sizes;
}

/** The shape of these sizes in a rank and a layout. */
export function shapeOf(rank: number, layout: Layout, sizes: Sizes): Shape {
  if (rank === 4) return [...layout].map((axis) => sizes[axis as keyof Sizes]);
  const matrix = [sizes.L, sizes.H * sizes.D];
  return rank === 3 ? [sizes.B, ...matrix] : matrix;
}

/** The strides of these sizes in a layout. */
export function stridesOf(layout: Layout, sizes: Sizes): Strides {
  const shape = shapeOf(4, layout, sizes);
  const stride = (axis: string): number => elementCount(shape.slice(layout.indexOf(axis) + 1));
  return { batch: stride("B"), head: stride("H"), row: stride("L") };
}
