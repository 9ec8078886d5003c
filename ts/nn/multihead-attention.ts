import type { TensorLike } from "../ops/operand.js";
import type { OptionsGiven } from "../ops/options-given.js";
import {
  AttentionModule,
  type AttentionForwardOptions,
  type AttentionForwardResult,
  createGiven,
  type GivenAttention,
  readGiven,
  type WithPrefix,
} from "./attention-module.js";
import { multiheadAttentionOptionNames, type MultiheadAttentionOptions, readConfiguration } from "./configuration.js";
import type { StateDictLike } from "./state-dict.js";

const NAME = "MultiheadAttention";

/**
 * Multi-head attention (Vaswani et al. 2017, 3.2.2), with the arguments, parameters and state dict of PyTorch's
 * `nn.MultiheadAttention`:
 *
 * q = query · Wqᵀ + bq, k and v likewise; every head attends with its own D columns of them; the heads side by side are
 * projected by `out_proj`.
 *
 * Letters: B batch, L queries, S keys, E embedDim, H numHeads, G numKvHeads, D headDim.
 *
 * Other than in PyTorch: `needWeights` is false unless asked for; `isCausal` masks by itself; a query that sees no key
 * gets weights of 0 and the output `out_proj.bias`, never NaN; `numKvHeads`, `headDim`, `rotary` and `keyLengths`. Boolean
 * masks hide where they are **true**, as in PyTorch's module, the opposite of `scaledDotProductAttention`.
 *
 * Parameters are float32. Inputs may be float32, float16 or bfloat16, each its own; all is computed in float32, and the
 * results are rounded once, to the query's dtype.
 *
 * @example
 * ```js
 * import { init, MultiheadAttention, rand } from "wasm-attention";
 *
 * await init();
 * const layer = new MultiheadAttention(8, 2, { batchFirst: true }).eval();
 * const query = rand([1, 3, 8]);
 * const memory = rand([1, 5, 8]);
 * const { output, weights } = layer.forward(query, memory, memory, { needWeights: true });
 * console.log(output.shape); // [1, 3, 8]
 * console.log(weights.shape); // [1, 3, 5]
 * layer.dispose();
 * ```
 */
export class MultiheadAttention extends AttentionModule {
  /**
   * A module in training mode, with fresh parameters from the package's generator: in-projections Xavier uniform,
   * `out_proj` uniform within ±1/√(H·D), biases 0, `bias_k` and `bias_v` normal with deviation 1/√E.
   *
   * @param embedDim Width E of queries and outputs, at least 1.
   * @param numHeads Number H of query heads; it must divide `embedDim`, where there is no `headDim`.
   * @param options PyTorch's, `numKvHeads` (which must divide `numHeads`), `headDim` and `rotary`.
   * @throws {TypeError} for wrong kinds and unknown options.
   * @throws {RangeError} for wrong values, and for lack of memory.
   * @throws {AttentionError} before `init`.
   */
  constructor(embedDim: number, numHeads: number, options?: MultiheadAttentionOptions);
  constructor(embedDim: number, numHeads: number, options?: MultiheadAttentionOptions, given?: GivenAttention) {
    super(
      given ?? { configuration: readConfiguration(NAME, embedDim, numHeads, options, multiheadAttentionOptionNames) },
    );
  }

  /**
   * A module of given parameters, for which nothing is drawn. float32 tensors are not copied: they become the module's own,
   * which disposes them with itself. All else is copied to float32 and stays the caller's.
   *
   * @example
   * ```js
   * import { init, loadSafetensors, MultiheadAttention, saveSafetensors } from "wasm-attention";
   *
   * await init();
   * const file = saveSafetensors(new MultiheadAttention(4, 2).stateDict());
   * const layer = MultiheadAttention.from(loadSafetensors(file).tensors, 4, 2);
   * console.log(layer.in_proj_weight?.shape); // [12, 4]
   * ```
   *
   * @param dict The parameters by PyTorch's names, as `loadSafetensors(bytes).tensors`.
   * @param embedDim As in the constructor.
   * @param numHeads As in the constructor.
   * @param options As in the constructor, and a `prefix` of the dictionary's names; those without it are not looked at.
   * @returns The module, in training mode.
   * @throws {TypeError} for wrong kinds, unknown options and tensors of another kind than floats.
   * @throws {RangeError} for wrong values, names and shapes, listed in one error, and for lack of memory.
   */
  static from(
    dict: StateDictLike,
    embedDim: number,
    numHeads: number,
    options?: WithPrefix<MultiheadAttentionOptions>,
  ): MultiheadAttention {
    return fromStateDict(readGiven(`${NAME}.from`, dict, embedDim, numHeads, options, multiheadAttentionOptionNames));
  }

  /** The name in errors. */
  override get [Symbol.toStringTag](): string {
    return NAME;
  }

  /**
   * Attends from queries to keys.
   *
   * Memory is O(L + S) as long as no weights are asked for and there is at most one mask, which is then used as it is or
   * copied at its own size. With both `keyPaddingMask` and `attnMask` their combination is made, `[B, L, S]` (times H where
   * `attnMask` has heads); likewise, with `addBiasKv` or `addZeroAttn`, `[L, S]` for `isCausal` and `[B, S]` for `keyLengths`.
   * Neither order of the axes is ever copied into the other.
   *
   * @param query `[L, B, E]`, or `[B, L, E]` with `batchFirst`, or `[L, E]` unbatched; float32, float16 or bfloat16.
   * @param key `[S, B, kdim]`, `[B, S, kdim]` or `[S, kdim]`.
   * @param value `[S, B, vdim]`, `[B, S, vdim]` or `[S, vdim]`.
   * @param options Masks, positions, weights, the seed of the dropout.
   * @returns `output`, and `weights` where `needWeights` asks for them.
   * @throws {TypeError} for wrong kinds, int32 masks, options that lack their partner, and when the module has been disposed.
   * @throws {RangeError} for shapes that don't fit, wrong values and lack of memory.
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

// Not in the class, as a class that names itself gets another name from bundlers.
const fromStateDict = (given: Required<GivenAttention>): MultiheadAttention => createGiven(MultiheadAttention, given);
