import type { TensorLike } from "../ops/operand.js";
import type { OptionsGiven } from "../ops/options-given.js";
import { AttentionModule, type AttentionForwardOptions, type AttentionForwardResult } from "./attention-module.js";
import { multiheadAttentionOptionNames, type MultiheadAttentionOptions, readConfiguration } from "./configuration.js";

const NAME = "MultiheadAttention";

/**
 * Multi-head attention (Vaswani et al. 2017, 3.2.2), with the arguments, parameters and state dict of PyTorch's
 * `nn.MultiheadAttention`:
 *
 * q = query · Wqᵀ + bq, k and v likewise; every head attends with its own D columns of them; the heads side by side are
 * projected by `out_proj`.
 *
 * Letters: B batch, L queries, S keys, E embedDim, H numHeads, G numKvHeads, D = E / H.
 *
 * Other than in PyTorch: `needWeights` is false unless asked for; `isCausal` masks by itself; a query that sees no key
 * gets weights of 0 and the output `out_proj.bias`, never NaN; `numKvHeads` and `rotary`. Boolean masks hide where they
 * are **true**, as in PyTorch's module, the opposite of `scaledDotProductAttention`.
 *
 * Parameters are float32. Inputs may be float32, float16 or bfloat16, each its own; all is computed in float32, and the
 * results are rounded once, to the query's dtype.
 */
export class MultiheadAttention extends AttentionModule {
  /**
   * A module in training mode, with fresh parameters from the package's generator: in-projections Xavier uniform,
   * `out_proj` uniform within ±1/√E, biases 0, `bias_k` and `bias_v` normal with deviation 1/√E.
   *
   * Throws a TypeError for wrong kinds and unknown options, a RangeError for wrong values (`numHeads` must divide
   * `embedDim`, `numKvHeads` `numHeads`) and for lack of memory, an AttentionError before `init`.
   */
  constructor(embedDim: number, numHeads: number, options?: MultiheadAttentionOptions) {
    super(NAME, readConfiguration(NAME, embedDim, numHeads, options, multiheadAttentionOptionNames));
  }

  /**
   * Attends from queries to keys.
   *
   * @param query `[L, B, E]`, or `[B, L, E]` with `batchFirst`, or `[L, E]` unbatched; float32, float16 or bfloat16.
   * @param key `[S, B, kdim]`, `[B, S, kdim]` or `[S, kdim]`.
   * @param value `[S, B, vdim]`, `[B, S, vdim]` or `[S, vdim]`.
   *
   * Memory is O(L + S) as long as no weights are asked for and there is at most one mask, which is then used as it is or
   * copied at its own size. With both `keyPaddingMask` and `attnMask` their combination is made, `[B, L, S]` (times H where
   * `attnMask` has heads); likewise `[L, S]` for `isCausal` with `addBiasKv` or `addZeroAttn`. Neither
   * order of the axes is ever copied into the other.
   *
   * Throws a TypeError for wrong kinds, int32 masks and a disposed module, a RangeError for shapes that don't fit and
   * for lack of memory.
   */
  forward<Given extends AttentionForwardOptions = object>(
    query: TensorLike,
    key: TensorLike,
    value: TensorLike,
    options?: OptionsGiven<Given, AttentionForwardOptions>,
  ): AttentionForwardResult<Given>;
  forward(
    query: TensorLike,
    key: TensorLike,
    value: TensorLike,
    options?: AttentionForwardOptions,
  ): AttentionForwardResult {
    return this.attend(
      { argument: "query", value: query },
      { argument: "key", value: key },
      { argument: "value", value },
      options,
    );
  }
}
