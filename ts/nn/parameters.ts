import { randn } from "../ops/random.js";
import { requireInstance } from "../runtime/instance.js";
import type { Configuration } from "./configuration.js";
import { uniform, xavierUniform, zeros } from "./initialization.js";
import type { StateDict } from "./module.js";

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
