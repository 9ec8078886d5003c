import { checkBoolean } from "../arguments.js";
import { codedRangeError, codedTypeError, type ErrorCode, typeError } from "../errors.js";
import { kindOf } from "../kind.js";
import { describe, type Operand, type TensorLike } from "../ops/operand.js";
import { show } from "../show.js";
import { type DType, isFloat } from "../tensor/dtype.js";
import { sameShape, type Shape } from "../tensor/shape.js";
import type { Tensor } from "../tensor/tensor.js";
import type { UnsupportedTensor } from "../tensor/unsupported-tensor.js";

/** A module's parameters and buffers by PyTorch's names, in PyTorch's order. */
export type StateDict = Record<string, Tensor>;

/** A tensor by name, or what `loadSafetensors` gives for a dtype without arithmetic: the latter a parameter refuses. */
type StateDictValue = TensorLike | UnsupportedTensor;

/** What `loadStateDict` takes: an object or a Map. */
export type StateDictLike = Readonly<Record<string, StateDictValue>> | ReadonlyMap<string, StateDictValue>;

/** Options of `loadStateDict`. */
export interface LoadStateDictOptions {
  /** Throw when a name is missing or unknown. Default: true. A wrong shape throws in any case. */
  strict?: boolean;
  /** What the dictionary has before the module's names, as "encoder."; names without it are not looked at. Default: "". */
  prefix?: string;
}

/** The dictionary's names, prefix included, on which it and the module disagree; with `strict` there are none. */
export interface LoadStateDictResult {
  /** What the module has and the dictionary lacks. */
  missingKeys: string[];
  /** What the dictionary has and the module lacks. */
  unexpectedKeys: string[];
}

/** What a dictionary must have under a name. */
export interface Expected {
  readonly shape: Shape;
  readonly dtype: DType;
}

/** What a dictionary has for what is expected of it. */
interface Match<T> extends LoadStateDictResult {
  readonly found: readonly (readonly [expected: T, operand: Operand])[];
}

const quoted = (names: readonly string[]): string => names.map((name) => JSON.stringify(name)).join(", ");

function readEntries(operation: string, dict: unknown): Map<string, TensorLike> {
  if (typeof dict !== "object" || dict === null || Array.isArray(dict)) {
    throw typeError(operation, "dict", "an object or a Map of tensors by name", dict);
  }
  const entries = kindOf(dict) === "Map" ? (dict as Map<unknown, TensorLike>) : Object.entries(dict);
  const read = new Map<string, TensorLike>();
  for (const [name, value] of entries as Iterable<[unknown, TensorLike]>) {
    if (typeof name !== "string") throw typeError(operation, "dict", "names that are strings", name);
    read.set(name, value);
  }
  return read;
}

/** What every name begins with, when most of those wanted are there under it; undefined when nothing is. */
function commonPrefix(names: ReadonlySet<string>, wanted: readonly string[]): string | undefined {
  const [first = "", ...others] = names;
  for (let dot = first.indexOf("."); dot >= 0; dot = first.indexOf(".", dot + 1)) {
    const prefix = first.slice(0, dot + 1);
    if (!others.every((name) => name.startsWith(prefix))) return undefined;
    if (wanted.filter((name) => names.has(prefix + name)).length > wanted.length / 2) return prefix;
  }
  return undefined;
}

/** A value under a name, or the error that it is. */
function readValue(operation: string, name: string, value: TensorLike, { shape, dtype }: Expected): Operand | Error {
  try {
    const operand = describe(operation, name, value);
    const isConvertible = operand.dtype === dtype || (isFloat(operand.dtype) && isFloat(dtype));
    if (!isConvertible) {
      return typeError(operation, name, isFloat(dtype) ? "float32, float16 or bfloat16" : dtype, operand.dtype);
    }
    if (sameShape(operand.shape, shape)) return operand;
    return codedRangeError(
      "ERR_SHAPE",
      `${operation}: ${name}: expected shape ${show(shape)}, got ${show(operand.shape)}`,
    );
  } catch (error) {
    // What is wrong with the value; anything else ends the call.
    if (error instanceof TypeError || error instanceof RangeError) return error;
    throw error;
  }
}

/**
 * Finds what is expected in a dictionary. What stands under several names needs one of them alone, since files leave
 * the others out. Throws one error that lists all that is wrong: a TypeError when a value is of the wrong kind, else a
 * RangeError.
 */
export function matchStateDict<T extends Expected>(
  operation: string,
  dict: StateDictLike,
  expected: ReadonlyMap<string, T>,
  options: LoadStateDictOptions,
): Match<T> {
  const { strict: isStrict = true, prefix = "" } = options;
  checkBoolean(operation, "strict", isStrict);
  if (typeof prefix !== "string") throw typeError(operation, "prefix", "a string", prefix);
  const entries = readEntries(operation, dict);

  const found: [T, Operand][] = [];
  const errors: Error[] = [];
  const given = new Set<T>();
  for (const [name, wanted] of expected) {
    const value = entries.get(prefix + name);
    if (value === undefined) continue;
    given.add(wanted);
    const read = readValue(operation, prefix + name, value, wanted);
    if (read instanceof Error) errors.push(read);
    else found.push([wanted, read]);
  }
  const named = (names: Iterable<string>): string[] => Array.from(names, (name) => prefix + name);
  const missingKeys = named([...expected.keys()].filter((name) => !given.has(expected.get(name) as T)));
  const unexpectedKeys = [...entries.keys()].filter(
    (name) => name.startsWith(prefix) && !expected.has(name.slice(prefix.length)),
  );

  const problems = errors.map(({ message }) => message.slice(`${operation}: `.length));
  if (isStrict && unexpectedKeys.length > 0) problems.unshift(`unexpected keys ${quoted(unexpectedKeys)}`);
  if (isStrict && missingKeys.length > 0) {
    problems.unshift(`missing keys ${quoted(missingKeys)}`);
    const common = commonPrefix(new Set(entries.keys()), [...expected.keys()]);
    if (common !== undefined && common !== prefix) {
      problems.unshift(`every name begins with ${JSON.stringify(common)}; give it as prefix`);
    }
  }
  if (problems.length > 0) {
    const text = `${operation}: dict: ${problems.join("; ")}`;
    const wrongKind = errors.find((error) => error instanceof TypeError) as { code?: ErrorCode } | undefined;
    if (wrongKind !== undefined) throw codedTypeError(wrongKind.code ?? "ERR_INVALID_TYPE", text);
    throw codedRangeError(errors.length === problems.length ? "ERR_SHAPE" : "ERR_INVALID_VALUE", text);
  }
  return { found, missingKeys, unexpectedKeys };
}
