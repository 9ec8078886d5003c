import { PackedLinear } from "../ops/packed-linear.js";
import { type AttentionParameters, isStacked } from "./attention-parameters.js";
import type { Configuration } from "./configuration.js";
import { type Module, withPacked } from "./module.js";

/** The linear layers in front of multi-head attention. */
export type InProjections = Readonly<Record<"query" | "key" | "value", PackedLinear>>;

/** The in-projections of a module, whose weights are rows of one where PyTorch stacks them. The module owns them. */
export function createInProjections(
  module: Module,
  configuration: Configuration,
  parameters: AttentionParameters,
): InProjections {
  const { numHeads, numKvHeads, headDim } = configuration;
  const [queryWidth, keyWidth] = [numHeads * headDim, numKvHeads * headDim];
  const stacked = isStacked(configuration);
  const projection = (name: "q" | "k" | "v", row: number, outFeatures: number): PackedLinear => {
    const weight = parameters[stacked ? "in_proj_weight" : `${name}_proj_weight`];
    const bias = parameters["in_proj_bias"];
    const rows = { weight, weightRow: stacked ? row : 0, bias, biasRow: row, outFeatures };
    return withPacked(module, new PackedLinear(rows));
  };
  return {
    query: projection("q", 0, queryWidth),
    key: projection("k", queryWidth, keyWidth),
    value: projection("v", queryWidth + keyWidth, keyWidth),
  };
}
