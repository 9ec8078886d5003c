import { outOfMemoryError } from "../errors.js";
import { rand, randn } from "../ops/random.js";
import { requireInstance } from "../runtime/instance.js";
import { show } from "../show.js";
import { bytesPerElement } from "../tensor/dtype.js";
import { elementCount, type Shape } from "../tensor/shape.js";
import { createTensor, type Tensor } from "../tensor/tensor.js";
import type { Configuration } from "./configuration.js";
import type { StateDict } from "./module.js";

/** One allocation is smaller. */
const LARGEST_BYTES = 2 ** 31;

function uniform(operation: string, shape: readonly [number, number], bound: number): Tensor {
  if (elementCount(shape) * bytesPerElement.float32 >= LARGEST_BYTES) {
    throw outOfMemoryError(`${operation}: out of memory: a weight of shape ${show(shape)} exceeds 2 GiB`);
  }
  return rand(shape, { low: -bound, high: bound });
}

/** Glorot and Bengio 2010, for a weight `[outFeatures, inFeatures]`. */
const xavierUniform = (operation: string, shape: readonly [number, number]): Tensor =>
  uniform(operation, shape, Math.sqrt(6 / (shape[0] + shape[1])));

function zeros(operation: string, shape: Shape): Tensor {
  const tensor = createTensor(operation, shape, "float32");
  tensor.view().fill(0);
  return tensor;
}

/** Whether queries, keys and values are as wide as each other, so that PyTorch stacks their weights in one. */
export const isStacked = ({ embedDim, kdim, vdim }: Configuration): boolean => kdim === embedDim && vdim === embedDim;

/**
 * Fresh parameters under PyTorch's names, in its order and with its distributions, from the package's generator.
 *
 * E embedDim, G = numKvHeads · headDim (E unless heads share keys):
 * `in_proj_weight` `[E + 2G, E]`, or `q_proj_weight` `[E, E]`, `k_proj_weight` `[G, kdim]`, `v_proj_weight` `[G, vdim]`;
 * `in_proj_bias` `[E + 2G]`; `bias_k`, `bias_v` `[1, 1, G]`; `out_proj.weight` `[E, E]`, `out_proj.bias` `[E]`.
 */
export function createParameters(operation: string, configuration: Configuration): StateDict {
  const { embedDim, numKvHeads, headDim, kdim, vdim, bias, addBiasKv } = configuration;
  const keyWidth = numKvHeads * headDim;
  const deviation = 1 / Math.sqrt(embedDim);
  requireInstance(operation);
  const parameters: StateDict = {};
  if (isStacked(configuration)) {
    parameters["in_proj_weight"] = xavierUniform(operation, [embedDim + 2 * keyWidth, embedDim]);
  } else {
    parameters["q_proj_weight"] = xavierUniform(operation, [embedDim, embedDim]);
    parameters["k_proj_weight"] = xavierUniform(operation, [keyWidth, kdim]);
    parameters["v_proj_weight"] = xavierUniform(operation, [keyWidth, vdim]);
  }
  if (bias) parameters["in_proj_bias"] = zeros(operation, [embedDim + 2 * keyWidth]);
  if (addBiasKv) {
    parameters["bias_k"] = randn([1, 1, keyWidth], { standardDeviation: deviation });
    parameters["bias_v"] = randn([1, 1, keyWidth], { standardDeviation: deviation });
  }
  parameters["out_proj.weight"] = uniform(operation, [embedDim, embedDim], deviation);
  if (bias) parameters["out_proj.bias"] = zeros(operation, [embedDim]);
  return parameters;
}
