import type { FloatDType } from "../../tensor/dtype.js";
import type { Tensor } from "../../tensor/tensor.js";
import type { IndicesLike } from "../indices.js";
import type { MaskLike } from "../mask-operand.js";
import type { NumbersLike } from "../numbers.js";
import type { TensorLike } from "../operand.js";
import type { WhenAskedFor } from "../options-given.js";

/**
 * Which stage of the computation `weights` shows: 0 scale · query · key, 1 after the softcap, 2 after ALiBi and masks
 * (-Infinity where hidden), 3 after the softmax, 4 after dropout. 0 to 3 are ONNX's `qk_matmul_output_mode`.
 */
export type WeightsMode = 0 | 1 | 2 | 3 | 4;

/** Which attention weights to return. */
export interface WeightsSelection {
  /** Query heads, in the order of the result. Default: all. */
  heads?: IndicesLike;
  /** Query rows, in the order of the result. Default: all. */
  rows?: IndicesLike;
  /** Return the mean over the heads instead. Default: false. */
  averageHeads?: boolean;
}

/** Options of `scaledDotProductAttention`. Letters as in its description. */
export interface ScaledDotProductAttentionOptions {
  /**
   * Boolean (a bool tensor, a Uint8Array, or arrays of booleans or of 0 and 1, bigints too: true, non-zero, attends) or
   * float (a tensor or `{ data, shape }`: added to the scaled score; -Infinity hides). Broadcasts to `[B, H, L, T]`.
   */
  attnMask?: MaskLike;
  /** Hide keys that come after the query: j > p. Default: false. */
  isCausal?: boolean;
  /**
   * The position p of query i: "upper-left" (default) p = i + P, as PyTorch's `is_causal` and ONNX without
   * `nonpad_kv_seqlen`; "lower-right" p = i + n - L, as FlashAttention, with n the key length of the batch, or T.
   */
  causalAlignment?: "upper-left" | "lower-right";
  /** Hide keys before p - leftWindowSize. -1 (default) is unbounded. */
  leftWindowSize?: number;
  /** Hide keys after p + rightWindowSize. -1 (default) is unbounded. */
  rightWindowSize?: number;
  /** `[B]` integers from 0 to S: hide keys from there on (ONNX's `nonpad_kv_seqlen`). */
  keyLengths?: NumbersLike;
  /** `[H]` or `[B, H]`: subtract slope · |p - j| from the score (ALiBi). */
  alibiSlopes?: NumbersLike;
  /** `[H]`: a logit a head that takes part in the softmax without having a value. -Infinity is none. */
  sinks?: NumbersLike;
  /** Bound the scaled score: softcap · tanh(score / softcap). 0 (default) is none. */
  softcap?: number;
  /** Factor of the dot products. Default: 1/√D. */
  scale?: number;
  /** Keys from before, `[B, Hkv, P, D]`; needs `pastValue`, excludes `keyLengths`. */
  pastKey?: TensorLike;
  /** Values from before, `[B, Hkv, P, Dv]`. */
  pastValue?: TensorLike;
  /** Probability of dropping a weight; applied whenever above 0, and then needs `seed`. Default: 0. */
  dropoutP?: number;
  /** Seed of the dropout: an integer from 0 to 2^53 - 1, or a bigint below 2^64. */
  seed?: number | bigint;
  /** Order of the axes of rank-4 inputs, past, present and output. Default: "BHLD". */
  layout?: "BHLD" | "BLHD" | "LBHD";
  /** H, for rank-3 inputs `[B, L, H·D]`. */
  numHeads?: number;
  /** Hkv, for rank-3 inputs. Default: `numHeads`. */
  numKvHeads?: number;
  /** Return attention weights: all, or a selection. Default: false. */
  needWeights?: boolean | WeightsSelection;
  /** What the weights show. Default: 3. Only with `needWeights`. */
  weightsMode?: WeightsMode;
  /** Return the logarithm of each row's sum of exponentials. Default: false. */
  needLogSumExp?: boolean;
}

/** The names of all options. */
export const optionNames = [
  "attnMask",
  "isCausal",
  "causalAlignment",
  "leftWindowSize",
  "rightWindowSize",
  "keyLengths",
  "alibiSlopes",
  "sinks",
  "softcap",
  "scale",
  "pastKey",
  "pastValue",
  "dropoutP",
  "seed",
  "layout",
  "numHeads",
  "numKvHeads",
  "needWeights",
  "weightsMode",
  "needLogSumExp",
] as const satisfies readonly (keyof ScaledDotProductAttentionOptions)[];

/** With `needWeights`. */
interface WithWeights {
  /** `[B, H, L, T]`, or the selected heads and rows, or without the head axis when averaged; in the dtype of the query. */
  weights: Tensor<FloatDType>;
}

/** With `needLogSumExp`. */
interface WithLogSumExp {
  /** `[B, H, L]`, natural logarithm, sinks included. */
  logSumExp: Tensor<"float32">;
}

/** With `pastKey` and `pastValue`. */
interface WithPresent {
  /** Past and new keys. */
  presentKey: Tensor<FloatDType>;
  /** Past and new values. */
  presentValue: Tensor<FloatDType>;
}

/**
 * What `scaledDotProductAttention` returns for options of the type `Given`: with `needWeights: true` in it there are
 * `weights`, with a `needWeights` that may be false there may be. By default all that there may be.
 */
export type ScaledDotProductAttentionResult<Given = ScaledDotProductAttentionOptions> = {
  /** In the layout and dtype of the query, with Dv in place of D. */
  output: Tensor<FloatDType>;
} & WhenAskedFor<Given, "needWeights", WithWeights> &
  WhenAskedFor<Given, "needLogSumExp", WithLogSumExp> &
  WhenAskedFor<Given, "pastKey", WithPresent>;
