import { checkInteger } from "../arguments.js";
import { typeError } from "../errors.js";
import { requireShape } from "../tensor/shape.js";
import type { Sizes } from "./head-axes.js";
import { INDICES_EXPECTED, type IndicesLike, readIndices } from "./indices.js";
import type { Operand } from "./operand.js";

/** Position numbers are int32. */
export const POSITIONS = 2 ** 31;

/** The positions of the rows of a sequence. */
export interface Positions {
  /** `[B, L]` or, for all batches, `[L]`; without them the rows have `first` and those that follow. */
  readonly ids: Operand | undefined;
  readonly first: number;
  /** The largest position and 1. */
  readonly length: number;
}

/**
 * Checks positions of the rows of `[B, L]`, each one of so many. Throws a TypeError for wrong kinds, a RangeError for other
 * shapes and positions.
 */
export function readPositions(
  operation: string,
  argument: string,
  value: IndicesLike | number | undefined,
  { B, L }: Pick<Sizes, "B" | "L">,
  rows: number,
): Positions {
  if (value === undefined || typeof value === "number") {
    const first = value === undefined ? 0 : checkInteger(operation, argument, value, 0, rows - L);
    return { ids: undefined, first, length: first + L };
  }
  if (typeof value !== "object") {
    throw typeError(operation, argument, `an integer, or ${INDICES_EXPECTED}`, value);
  }
  const { operand, largest } = readIndices(operation, argument, value, rows);
  requireShape(operation, operand, [...(B === 1 ? [] : [[B, L]]), [1, L], [L]], ", or an integer");
  return { ids: operand, first: 0, length: largest + 1 };
}
