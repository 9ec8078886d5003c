import { checkInteger } from "../arguments.js";
import { requireShape } from "../tensor/shape.js";
import { type NumbersLike, readNumbers } from "./numbers.js";

/**
 * How many of so many keys each batch has. Throws a TypeError for anything but numbers, a RangeError for another number of
 * lengths and for what is no number of keys.
 */
export function readKeyLengths(
  operation: string,
  value: NumbersLike | undefined,
  batch: number,
  keys: number,
): readonly number[] | undefined {
  if (value === undefined) return undefined;
  const { values, shape } = readNumbers(operation, "keyLengths", value);
  requireShape(operation, { argument: "keyLengths", shape }, [[batch]], ", one length a batch");
  return values.map((length, b) => checkInteger(operation, `keyLengths[${b}]`, length, 0, keys));
}
