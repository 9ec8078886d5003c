import { editDistance } from "./edit-distance.js";
import { misuseError, rangeError, typeError } from "./errors.js";
import { show } from "./show.js";

/** What a misspelt name probably meant; PyTorch's snake_case is one edit an underscore. */
function nearest(name: string, names: readonly string[]): string | undefined {
  const plain = (text: string): string => text.replace(/_/g, "").toLowerCase();
  const distances = names.map((candidate) => editDistance(plain(name.slice(0, 64)), plain(candidate)));
  const least = Math.min(...distances);
  return least <= Math.max(2, name.length / 3) ? names[distances.indexOf(least)] : undefined;
}

/** The options, or none for undefined. An unknown name is a TypeError, since a misspelt option would do nothing. */
export function checkOptions<T extends object>(
  operation: string,
  options: T | undefined,
  allowed: readonly (keyof T & string)[],
): Partial<T> {
  if (options === undefined) return {};
  if (typeof options !== "object" || options === null || Array.isArray(options)) {
    throw typeError(operation, "options", "an object", options);
  }
  for (const name of Object.keys(options)) {
    if ((allowed as readonly string[]).includes(name)) continue;
    const meant = nearest(name, allowed);
    const hint = meant === undefined ? `the options are ${allowed.join(", ")}` : `did you mean ${meant}?`;
    throw misuseError(operation, "options", `unknown option ${show(name)}; ${hint}`);
  }
  return options;
}

/** Throws a TypeError when one of two options that belong together is missing. */
export function checkPair(operation: string, first: string, a: unknown, second: string, b: unknown): void {
  if ((a === undefined) === (b === undefined)) return;
  const [present, missing] = a === undefined ? [second, first] : [first, second];
  throw misuseError(operation, present, `needs ${missing} beside it`);
}

const withRange = (what: string, minimum: number | undefined, maximum: number | undefined): string => {
  if (minimum !== undefined && maximum !== undefined) return `${what} from ${minimum} to ${maximum}`;
  if (minimum !== undefined) return `${what} of at least ${minimum}`;
  return maximum === undefined ? what : `${what} of at most ${maximum}`;
};

const isWithin = (value: number, minimum = -Infinity, maximum = Infinity): boolean =>
  value >= minimum && value <= maximum;

/** A number that is finite as a float32, which is what the kernels get; `minimum` and `maximum` are included. */
export function checkNumber(
  operation: string,
  argument: string,
  value: unknown,
  minimum?: number,
  maximum?: number,
): number {
  const expected = withRange("a finite float32 number", minimum, maximum);
  if (typeof value !== "number") throw typeError(operation, argument, expected, value);
  if (!Number.isFinite(Math.fround(value)) || !isWithin(value, minimum, maximum)) {
    throw rangeError(operation, argument, expected, value);
  }
  return value;
}

/** A safe integer; `minimum` and `maximum` are included. */
export function checkInteger(
  operation: string,
  argument: string,
  value: unknown,
  minimum?: number,
  maximum?: number,
): number {
  const expected = withRange("an integer", minimum, maximum);
  if (typeof value !== "number") throw typeError(operation, argument, expected, value);
  if (!Number.isSafeInteger(value) || !isWithin(value, minimum, maximum)) {
    throw rangeError(operation, argument, expected, value);
  }
  return value;
}

/** true or false, nothing that merely counts as one. */
export function checkBoolean(operation: string, argument: string, value: unknown): boolean {
  if (typeof value !== "boolean") throw typeError(operation, argument, "a boolean", value);
  return value;
}

/** One of a few names. */
export function checkChoice<T extends string>(
  operation: string,
  argument: string,
  value: unknown,
  choices: readonly T[],
): T {
  const expected = choices.map((choice) => JSON.stringify(choice)).join(" or ");
  if (typeof value !== "string") throw typeError(operation, argument, expected, value);
  if (!(choices as readonly string[]).includes(value)) throw rangeError(operation, argument, expected, value);
  return value as T;
}

/** A seed (an integer from 0 to 2^53 − 1, or a bigint below 2^64) as two 32-bit words. */
export function checkSeed(operation: string, argument: string, value: unknown): { low: number; high: number } {
  const expected = "an integer from 0 to 2^53 - 1 or a bigint from 0 to 2^64 - 1";
  if (typeof value !== "number" && typeof value !== "bigint") throw typeError(operation, argument, expected, value);
  const valid = typeof value === "bigint" ? value >> 64n === 0n : Number.isSafeInteger(value) && value >= 0;
  if (!valid) throw rangeError(operation, argument, expected, value);
  const seed = BigInt(value);
  return { low: Number(seed & 0xffff_ffffn), high: Number(seed >> 32n) };
}

/** The result of a callback that has to be done when it returns. Throws a TypeError for a promise. */
export function requireDone<R>(operation: string, argument: string, result: R): R {
  if (typeof (result as { then?: unknown } | null | undefined)?.then !== "function") return result;
  // Its later work would come too late. It may fail unheard, which must not end the process.
  (result as PromiseLike<unknown>).then(undefined, () => {});
  throw misuseError(
    operation,
    argument,
    "expected a function that is done when it returns, got one that returns a promise",
  );
}
