import { scope } from "../tensor/scope.js";
import type { Configuration } from "./configuration.js";
import type { StateDict } from "./module.js";
import { isStacked } from "./parameters.js";
import { Projection } from "./projection.js";

/** The linear layers of multi-head attention. */
export type AttentionProjections = Readonly<Record<"query" | "key" | "value" | "out", Projection>>;

/** Packs the parameters. No scope frees the memory; none is left behind when it throws. */
export function createProjections(
  operation: string,
  configuration: Configuration,
  parameters: StateDict,
): AttentionProjections {
  const { embedDim, numKvHeads, headDim } = configuration;
  const keyWidth = numKvHeads * headDim;
  const stacked = isStacked(configuration);
  const inProjection = (name: "q" | "k" | "v", row: number, outFeatures: number): Projection =>
    new Projection(operation, {
      weight: parameters[stacked ? "in_proj_weight" : `${name}_proj_weight`],
      weightRow: stacked ? row : 0,
      bias: parameters["in_proj_bias"],
      biasRow: row,
      outFeatures,
    });
  return scope(() => {
    const projections = {
      query: inProjection("q", 0, embedDim),
      key: inProjection("k", embedDim, keyWidth),
      value: inProjection("v", embedDim + keyWidth, keyWidth),
      out: new Projection(operation, {
        weight: parameters["out_proj.weight"],
        weightRow: 0,
        bias: parameters["out_proj.bias"],
        biasRow: 0,
        outFeatures: embedDim,
      }),
    };
    for (const projection of Object.values(projections)) projection.keep();
    return projections;
  });
}
