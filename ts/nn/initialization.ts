// The distributions from which PyTorch draws fresh parameters, drawn from the package's generator.
import { outOfMemoryError } from "../errors.js";
import { rand } from "../ops/random.js";
import { show } from "../show.js";
import { bytesPerElement } from "../tensor/dtype.js";
import { elementCount, type Shape } from "../tensor/shape.js";
import type { Tensor } from "../tensor/tensor.js";

/** One allocation is smaller. */
const LARGEST_BYTES = 2 ** 31;

/** Uniform within ±bound. */
export function uniform(operation: string, shape: Shape, bound: number): Tensor<"float32"> {
  if (elementCount(shape) * bytesPerElement.float32 >= LARGEST_BYTES) {
    throw outOfMemoryError(`${operation}: out of memory: a parameter of shape ${show(shape)} exceeds 2 GiB`);
  }
  return rand(shape, { low: -bound, high: bound });
}

/** Glorot and Bengio 2010, for a weight `[outFeatures, inFeatures]`. */
export const xavierUniform = (operation: string, shape: readonly [number, number]): Tensor<"float32"> =>
  uniform(operation, shape, Math.sqrt(6 / (shape[0] + shape[1])));
