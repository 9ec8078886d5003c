import { requireDone } from "../arguments.js";
import { typeError } from "../errors.js";
import { kindOf } from "../kind.js";
import { closeScope, type Disposable, forget, openScope } from "./open-scopes.js";
import { rawTensor, refuseForeignTensor, type Tensor } from "./tensor.js";

/** What a value holds, one level down. */
function contentOf(value: object): Iterable<unknown> {
  if (ArrayBuffer.isView(value)) return [];
  switch (kindOf(value)) {
    case "Map":
      return [...(value as Map<unknown, unknown>).keys(), ...(value as Map<unknown, unknown>).values()];
    case "Set":
      return value as Set<unknown>;
    default:
      return Object.values(value) as unknown[];
  }
}

/** The members that a result holds, in objects, arrays, Maps and Sets at any depth. */
function membersIn(result: unknown, members: ReadonlySet<Disposable>): Set<Disposable> {
  const found = new Set<Disposable>();
  const seen = new Set<unknown>();
  const open: unknown[] = [result];
  while (open.length > 0) {
    const value = open.pop();
    if (typeof value !== "object" || value === null || seen.has(value)) continue;
    seen.add(value);
    requireDone("scope", "fn", value);
    const tensor = rawTensor(value);
    if (tensor === undefined) for (const item of contentOf(value)) open.push(item);
    else if (members.has(tensor)) found.add(tensor);
  }
  return found;
}

/**
 * Runs `fn` and disposes every tensor that was created meanwhile, but for those in its result (itself a tensor, or
 * objects, arrays, Maps and Sets that hold some) and those given to `keep`. When `fn` throws, all are disposed. Scopes
 * nest: what survives an inner scope belongs to the outer one.
 *
 * @param fn A function that is done when it returns: the later work of a promise would find its tensors gone.
 * @returns What `fn` returns.
 * @throws {TypeError} when `fn` is no function or returns a promise.
 * @throws Whatever `fn` throws.
 * @example
 * ```js
 * import { init, scope, softmax, Tensor } from "wasm-attention";
 *
 * await init();
 * const weights = scope(() => softmax(Tensor.from([1, 2, 3]))); // the tensor inside is disposed
 * console.log(weights.toString());
 * weights.dispose();
 * ```
 */
export function scope<R>(fn: () => R): R {
  if (typeof fn !== "function") throw typeError("scope", "fn", "a function", fn);
  const members = openScope();
  let survivors: ReadonlySet<Disposable> = new Set();
  try {
    const result = fn();
    survivors = membersIn(result, members);
    return result;
  } finally {
    closeScope(survivors);
  }
}

/**
 * Takes a tensor out of all scopes, so that it lives until its `dispose`.
 *
 * @param tensor One that has not been disposed.
 * @returns The same tensor.
 * @throws {TypeError} for anything but a tensor of this copy of the package.
 */
export function keep<T extends Tensor>(tensor: T): T {
  refuseForeignTensor("keep", "tensor", tensor);
  const own = rawTensor(tensor);
  if (own === undefined) throw typeError("keep", "tensor", "a Tensor", tensor);
  forget(own);
  return tensor;
}
