// What fresh parameters start with: PyTorch's distributions, drawn from the package's generator.
import { requireDone } from "../arguments.js";
import { outOfMemoryError, typeError } from "../errors.js";
import { rand, randn } from "../ops/random.js";
import { show } from "../show.js";
import { bytesPerElement } from "../tensor/dtype.js";
import { filled } from "../tensor/filled.js";
import { overwrite } from "../tensor/overwrite.js";
import { scope } from "../tensor/scope.js";
import { elementCount, type Shape } from "../tensor/shape.js";
import type { Tensor } from "../tensor/tensor.js";
import { parameter } from "./parameter.js";

/** Whether zeros stand in for random numbers. */
let isSkipping = false;

/** The parameters made by the innermost `together` that runs. */
let made: Tensor[] | undefined;

/** One allocation is smaller. */
const LARGEST_BYTES = 2 ** 31;

function requireAllocatable(operation: string, shape: Shape): void {
  if (elementCount(shape) * bytesPerElement.float32 >= LARGEST_BYTES) {
    throw outOfMemoryError(`${operation}: out of memory: a parameter of shape ${show(shape)} exceeds 2 GiB`);
  }
}

/** Uniform within ±bound. */
export function uniform(operation: string, shape: Shape, bound: number): Tensor<"float32"> {
  requireAllocatable(operation, shape);
  if (isSkipping) return filled(operation, shape, 0);
  return rand(shape, { low: -bound, high: bound });
}

/** Glorot and Bengio 2010, for a weight `[outFeatures, inFeatures, …]`. */
export function xavierUniform(operation: string, shape: Shape): Tensor<"float32"> {
  const [outFeatures, inFeatures, ...kernel] = shape;
  return uniform(operation, shape, Math.sqrt(6 / ((inFeatures + outFeatures) * elementCount(kernel))));
}

/** Normal around 0. */
export function normal(operation: string, shape: Shape, standardDeviation: number): Tensor<"float32"> {
  requireAllocatable(operation, shape);
  if (isSkipping) return filled(operation, shape, 0);
  return randn(shape, { standardDeviation });
}

/** Makes parameters of the tensors that `create` gives: all of them, or, when it throws, none is left behind. */
export function drawn(create: () => readonly Tensor<"float32">[]): readonly Tensor<"float32">[] {
  const parameters = scope(create).map(parameter);
  made?.push(...parameters);
  return parameters;
}

/** Gives a parameter other numbers. */
export function redraw(target: Tensor<"float32">, draw: (shape: Shape) => Tensor<"float32">): void {
  scope(() => overwrite(target, draw(target.shape).view()));
}

/** Makes layers: all of them, or, when `create` throws, no fresh parameters are left behind. */
export function together<R>(create: () => R): R {
  const outer = made;
  const own: Tensor[] = [];
  made = own;
  try {
    const result = create();
    outer?.push(...own);
    return result;
  } catch (error) {
    for (const parameter of own) parameter.dispose();
    throw error;
  } finally {
    made = outer;
  }
}

/**
 * Makes modules without drawing random numbers, for those that are filled afterwards, as by `loadStateDict`: in the layers of this
 * package zeros stand in for them, and the generator stays where it is. What starts with a constant, as the weights of norms with 1,
 * starts with it here too. As PyTorch's `torch.nn.utils.skip_init`, for whole models.
 *
 * @example
 * ```js
 * import { init, Linear, Module } from "wasm-attention";
 * import { skipInit } from "wasm-attention/nn";
 *
 * await init();
 * class Model extends Module {
 *   layers = [new Linear(2, 8, { activation: "relu" }), new Linear(8, 1)];
 * }
 * const trained = new Model();
 * const copy = skipInit(() => new Model());
 * console.log(copy.loadStateDict(trained.stateDict())); // { missingKeys: [], unexpectedKeys: [] }
 * ```
 *
 * @param create A function that is done when it returns. When it throws, the parameters of layers that it has made are given back.
 * @returns What `create` returns.
 * @throws {TypeError} when `create` is no function or returns a promise.
 * @throws Whatever `create` throws.
 */
export function skipInit<R>(create: () => R): R {
  if (typeof create !== "function") throw typeError("skipInit", "create", "a function", create);
  const before = isSkipping;
  isSkipping = true;
  try {
    return requireDone("skipInit", "create", together(create));
  } finally {
    isSkipping = before;
  }
}
