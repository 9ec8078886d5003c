import { checkBoolean, checkChoice, checkInteger, checkNumber } from "../arguments.js";
import { rangeError } from "../errors.js";
import type { Activation } from "../ops/activation.js";
import { LARGEST_SIZE } from "../ops/head-axes.js";
import { activationNames } from "../ops/packed-linear.js";
import {
  type MultiheadAttentionOptions,
  readConfiguration,
  type SelfAttentionOptions,
  selfAttentionOptionNames,
} from "./configuration.js";
import type { LayerNormOptions } from "./layer-norm.js";

/** Options of the transformer's layers. */
export interface TransformerLayerOptions {
  /** Width of the hidden layer of the feed-forward network, at least 1. Default: 2048. */
  dimFeedforward?: number;
  /** Probability of dropping, in training mode: of attention weights, and of elements of each branch and of the hidden layer. Default: 0.1. */
  dropout?: number;
  /** Of the hidden layer: "relu", "gelu" or another that `Linear` has. Default: "relu". */
  activation?: Activation;
  /** Added to the variance in the norms, at least 0. Default: 1e-5. */
  layerNormEps?: number;
  /** Whether the batch comes first, as in `[B, L, E]`; else second, as in `[L, B, E]`. Default: false, as in PyTorch. */
  batchFirst?: boolean;
  /** Normalize what goes into each branch (pre-norm) instead of the sum behind it (post-norm). Default: false. */
  normFirst?: boolean;
  /** Biases of projections, linear layers and norms. Default: true. */
  bias?: boolean;
  /**
   * What the attention of a sequence to itself has besides, as `numKvHeads` or `rotary`; its `dropout` and `bias` count there instead of
   * those above. `headDim` counts for the attention to a memory too.
   */
  attention?: SelfAttentionOptions;
}

export const transformerLayerOptionNames = [
  "dimFeedforward",
  "dropout",
  "activation",
  "layerNormEps",
  "batchFirst",
  "normFirst",
  "bias",
  "attention",
] as const satisfies readonly (keyof TransformerLayerOptions)[];

/** Options of stacks of layers. */
export interface TransformerStackOptions extends TransformerLayerOptions {
  /** How many layers, at least 1. */
  numLayers: number;
  /** Normalize what the last layer gives. Default: false. */
  norm?: boolean;
}

export const transformerStackOptionNames = ["numLayers", "norm", ...transformerLayerOptionNames] as const;

/** The options of a layer, checked, by the parts that take them. */
export interface LayerParts {
  readonly normFirst: boolean;
  readonly dropout: number;
  readonly dimFeedforward: number;
  readonly hidden: { readonly bias: boolean; readonly activation: Activation };
  readonly output: { readonly bias: boolean };
  readonly norm: LayerNormOptions;
  readonly selfAttention: MultiheadAttentionOptions;
  readonly crossAttention: MultiheadAttentionOptions;
}

/** Checks what a layer is constructed with. Throws TypeError and RangeError. */
export function readLayerParts(
  operation: string,
  dModel: number,
  nhead: number,
  options: TransformerLayerOptions,
): LayerParts {
  checkInteger(operation, "dModel", dModel, 1, LARGEST_SIZE);
  checkInteger(operation, "nhead", nhead, 1, LARGEST_SIZE);
  const { dimFeedforward = 2048, dropout = 0.1, activation = "relu", layerNormEps = 1e-5 } = options;
  const { batchFirst = false, normFirst = false, bias = true, attention } = options;
  checkInteger(operation, "dimFeedforward", dimFeedforward, 1);
  checkNumber(operation, "dropout", dropout, 0, 1);
  checkChoice(operation, "activation", activation, activationNames);
  checkNumber(operation, "layerNormEps", layerNormEps, 0);
  for (const [argument, value] of Object.entries({ batchFirst, normFirst, bias })) {
    checkBoolean(operation, argument, value);
  }
  if (attention?.headDim === undefined && dModel % nhead !== 0) {
    throw rangeError(operation, "nhead", `a divisor of dModel, ${dModel}, or attention.headDim beside it`, nhead);
  }
  readConfiguration(`${operation}: attention`, dModel, nhead, attention, selfAttentionOptionNames);
  const shared = { dropout, bias, batchFirst };
  return {
    normFirst,
    dropout,
    dimFeedforward,
    hidden: { bias, activation },
    output: { bias },
    norm: { eps: layerNormEps, bias },
    selfAttention: { ...shared, ...attention },
    crossAttention: { ...shared, headDim: attention?.headDim },
  };
}
