import { checkBoolean, checkInteger, checkOptions } from "../arguments.js";
import type { FloatDType } from "../tensor/dtype.js";
import type { Tensor } from "../tensor/tensor.js";
import { together } from "./initialization.js";
import { LayerNorm } from "./layer-norm.js";
import {
  readLayerParts,
  type TransformerLayerOptions,
  type TransformerStackOptions,
  transformerStackOptionNames,
} from "./transformer-options.js";
import { chain, type Step } from "./transformer-steps.js";

/** What a stack holds. */
interface Stack<Layer> {
  readonly layers: readonly Layer[];
  readonly norm: LayerNorm | undefined;
}

/** Checks what a stack is constructed with, and gives the function that makes it, of layers that `create` makes. Throws TypeError and RangeError. */
export function readStack(
  operation: string,
  dModel: number,
  nhead: number,
  options: TransformerStackOptions,
): <Layer>(create: (options: TransformerLayerOptions) => Layer) => Stack<Layer> {
  const { numLayers, norm = false, ...own } = checkOptions(operation, options, transformerStackOptionNames);
  const parts = readLayerParts(operation, dModel, nhead, own);
  const length = checkInteger(operation, "numLayers", numLayers, 1);
  checkBoolean(operation, "norm", norm);
  return (create) =>
    together(() => ({
      layers: Array.from({ length }, () => create(own)),
      norm: norm ? new LayerNorm(dModel, parts.norm) : undefined,
    }));
}

/** Applies the layers, each by a call of `forward`, and then the norm, where there is one. */
export const applyStack = <Layer>(
  { layers, norm }: Stack<Layer>,
  x: Tensor<FloatDType>,
  forward: (layer: Layer, y: Tensor<FloatDType>) => Tensor<FloatDType>,
): Tensor<FloatDType> => {
  const steps = layers.map((layer): Step => ({ forward: (y) => forward(layer, y) }));
  return chain(x, norm === undefined ? steps : [...steps, norm]);
};
