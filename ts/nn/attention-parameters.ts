import { requireInstance } from "../runtime/instance.js";
import { filled } from "../tensor/filled.js";
import type { Shape } from "../tensor/shape.js";
import type { Tensor } from "../tensor/tensor.js";
import type { Configuration } from "./configuration.js";
import { drawn, normal, uniform, xavierUniform } from "./initialization.js";
import { adoptParameters } from "./parameter.js";
import { type Expected, matchStateDict, type StateDictLike } from "./state-dict.js";

/** Whether queries, keys and values are as wide as each other, so that PyTorch stacks their weights in one. */
export const isStacked = ({ embedDim, kdim, vdim }: Configuration): boolean => kdim === embedDim && vdim === embedDim;

/**
 * The parameters of multi-head attention by PyTorch's names, in its order. E embedDim, H numHeads, G numKvHeads, D headDim:
 * `in_proj_weight` `[(H + 2·G)·D, E]`, or `q_proj_weight` `[H·D, E]`, `k_proj_weight` `[G·D, kdim]`, `v_proj_weight`
 * `[G·D, vdim]`; `in_proj_bias` `[(H + 2·G)·D]`; `bias_k`, `bias_v` `[1, 1, G·D]`; `out_proj.weight` `[E, H·D]`,
 * `out_proj.bias` `[E]`.
 */
export function expectedParameters(configuration: Configuration): Map<string, Expected> {
  const { embedDim, numHeads, numKvHeads, headDim, kdim, vdim, bias, addBiasKv } = configuration;
  const [queryWidth, keyWidth] = [numHeads * headDim, numKvHeads * headDim];
  const shapes: Record<string, Shape | false> = {
    in_proj_weight: isStacked(configuration) && [queryWidth + 2 * keyWidth, embedDim],
    q_proj_weight: !isStacked(configuration) && [queryWidth, embedDim],
    k_proj_weight: !isStacked(configuration) && [keyWidth, kdim],
    v_proj_weight: !isStacked(configuration) && [keyWidth, vdim],
    in_proj_bias: bias && [queryWidth + 2 * keyWidth],
    bias_k: addBiasKv && [1, 1, keyWidth],
    bias_v: addBiasKv && [1, 1, keyWidth],
    "out_proj.weight": [embedDim, queryWidth],
    "out_proj.bias": bias && [embedDim],
  };
  const present = Object.entries(shapes).filter((entry): entry is [string, Shape] => entry[1] !== false);
  return new Map(present.map(([name, shape]) => [name, { shape, dtype: "float32" }]));
}

/** The parameters by those names. */
export type AttentionParameters = Readonly<Record<string, Tensor<"float32">>>;

/** Fresh parameters, in that order and with PyTorch's distributions, from the package's generator. */
export function drawParameters(operation: string, configuration: Configuration): AttentionParameters {
  requireInstance(operation);
  const draw = (name: string, shape: Shape): Tensor<"float32"> => {
    if (name === "out_proj.weight") return uniform(operation, shape, 1 / Math.sqrt(shape[1]));
    if (name.endsWith("_weight")) return xavierUniform(operation, shape);
    if (name.endsWith("bias")) return filled(operation, shape, 0);
    return normal(operation, shape, 1 / Math.sqrt(configuration.embedDim));
  };
  const expected = [...expectedParameters(configuration)];
  const parameters = drawn(() => expected.map(([name, { shape }]) => draw(name, shape)));
  return Object.fromEntries(expected.map(([name], index) => [name, parameters[index]]));
}

/** Given parameters, of which float32 tensors are taken over. Throws what `matchStateDict` does for what doesn't fit. */
export function readParameters(
  operation: string,
  configuration: Configuration,
  dict: StateDictLike,
  prefix: string | undefined,
): AttentionParameters {
  const expected = expectedParameters(configuration);
  const { found } = matchStateDict(operation, dict, expected, { prefix });
  const operands = found.map(([, operand]) => operand);
  const adopted = adoptParameters(operation, operands);
  return Object.fromEntries(Array.from(expected.keys(), (name, index) => [name, adopted[index]]));
}
