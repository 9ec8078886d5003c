import { checkNumber } from "../arguments.js";
import { readNumbers, type NumbersLike } from "../ops/numbers.js";
import { requireShape } from "../tensor/shape.js";

/**
 * The slopes of Press, Smith and Lewis 2022 ("Train Short, Test Long"): 2^(−8·i/n), i from 1 to n, for a number of heads n that is
 * a power of two; for another those of the next smaller power of two, followed by every second of twice as many, as in the
 * paper's code. By products and square roots alone, so that every host has the same bits, and powers of two are exact.
 */
export function standardSlopes(heads: number): readonly number[] {
  let root = 1 / 256;
  let slopes = [root];
  for (;;) {
    root = Math.sqrt(root);
    // Twice as many: 2^(−8·(2i − 1)/2n) = 2^(−8·(i − 1)/n) · 2^(−8/2n) comes before each 2^(−8·i/n).
    const between = slopes.map((_, index) => (index === 0 ? 1 : slopes[index - 1]) * root);
    if (heads < 2 * slopes.length) return [...slopes, ...between].slice(0, heads);
    slopes = slopes.flatMap((slope, index) => [between[index], slope]);
  }
}

/** The slopes that an option says, frozen. Throws TypeError and RangeError. */
export function readSlopes(
  operation: string,
  alibi: boolean | NumbersLike | undefined,
  heads: number,
): readonly number[] | undefined {
  if (alibi === undefined || alibi === false) return undefined;
  if (alibi === true) return Object.freeze(standardSlopes(heads));
  const { values, shape } = readNumbers(operation, "alibi", alibi);
  requireShape(operation, { argument: "alibi", shape }, [[heads]], ", one slope a head");
  values.forEach((slope, index) => checkNumber(operation, `alibi[${index}]`, slope));
  return Object.freeze([...values]);
}
