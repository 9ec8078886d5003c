// What fresh parameters start with: PyTorch's distributions, drawn from the package's generator.
import { outOfMemoryError } from "../errors.js";
import { rand, randn } from "../ops/random.js";
import { show } from "../show.js";
import { bytesPerElement } from "../tensor/dtype.js";
import { scope } from "../tensor/scope.js";
import { elementCount, type Shape } from "../tensor/shape.js";
import type { Tensor } from "../tensor/tensor.js";
import { parameter } from "./parameter.js";

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
  return rand(shape, { low: -bound, high: bound });
}

/** Glorot and Bengio 2010, for a weight `[outFeatures, inFeatures]`. */
export const xavierUniform = (operation: string, shape: readonly [number, number]): Tensor<"float32"> =>
  uniform(operation, shape, Math.sqrt(6 / (shape[0] + shape[1])));

/** Normal around 0. */
export function normal(operation: string, shape: Shape, standardDeviation: number): Tensor<"float32"> {
  requireAllocatable(operation, shape);
  return randn(shape, { standardDeviation });
}

/** Makes parameters of the tensors that `create` gives: all of them, or, when it throws, none is left behind. */
export const drawn = (create: () => readonly Tensor<"float32">[]): readonly Tensor<"float32">[] =>
  scope(create).map(parameter);
