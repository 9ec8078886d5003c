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
import { readConfiguration, selfAttentionOptionNames, type SelfAttentionOptions } from "./configuration.js";
import type { StateDictLike } from "./state-dict.js";

const NAME = "SelfAttention";

/**
 * Multi-head self-attention: embeddings in, context out. `MultiheadAttention` with one input for queries, keys and values,
 * and batch first: all that it says, about masks, parameters and the state dict, holds here too.
 *
 * Letters: B batch, L tokens, E embedDim.
 *
 * @example
 * ```js
 * import { init, rand, SelfAttention } from "wasm-attention";
 *
 * await init();
 * const layer = new SelfAttention(8, 2).eval();
 * console.log(layer.forward(rand([1, 3, 8]), { isCausal: true }).output.shape); // [1, 3, 8]
 * layer.dispose();
 * ```
 */
export class SelfAttention extends AttentionModule {
  /**
   * A module in training mode, with fresh parameters as those of `MultiheadAttention`.
   *
   * @param embedDim Width E of inputs and outputs, at least 1.
   * @param numHeads Number of query heads; it must divide `embedDim`, where there is no `headDim`.
   * @param options Those of `MultiheadAttention` but for `batchFirst`, `kdim` and `vdim`.
   * @throws {TypeError} for wrong kinds and unknown options.
   * @throws {RangeError} for wrong values, and for lack of memory.
   * @throws {AttentionError} before `init`.
   */
  constructor(embedDim: number, numHeads: number, options?: SelfAttentionOptions);
  constructor(embedDim: number, numHeads: number, options?: SelfAttentionOptions, given?: GivenAttention) {
    const { configuration, parameters } = given ?? {
      configuration: readConfiguration(NAME, embedDim, numHeads, options, selfAttentionOptionNames),
    };
    super({ configuration: { ...configuration, batchFirst: true }, parameters });
  }

  /**
   * A module of given parameters, as `MultiheadAttention.from`.
   *
   * @param dict The parameters by PyTorch's names.
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
    options?: WithPrefix<SelfAttentionOptions>,
  ): SelfAttention {
    return fromStateDict(readGiven(`${NAME}.from`, dict, embedDim, numHeads, options, selfAttentionOptionNames));
  }

  /** The name in errors. */
  override get [Symbol.toStringTag](): string {
    return NAME;
  }

  /**
   * Attends from every token to every token. Memory is that of `MultiheadAttention.forward`.
   *
   * @param x `[B, L, E]`, or `[L, E]` unbatched; float32, float16 or bfloat16.
   * @param options Masks, positions, weights, the seed of the dropout.
   * @returns `output`, and `weights` where `needWeights` asks for them.
   * @throws {TypeError} for wrong kinds, int32 masks, options that lack their partner, and when the module has been disposed.
   * @throws {RangeError} for shapes that don't fit, wrong values and lack of memory.
   */
  forward<Given extends AttentionForwardOptions = object>(
    x: TensorLike,
    options?: OptionsGiven<Given, AttentionForwardOptions>,
  ): AttentionForwardResult<Given>;
  forward(x: TensorLike, options?: AttentionForwardOptions): AttentionForwardResult {
    const input = { argument: "x", value: x };
    return this.attend(input, input, input, options);
  }
}

// Not in the class, as a class that names itself gets another name from bundlers.
const fromStateDict = (given: Required<GivenAttention>): SelfAttention => createGiven(SelfAttention, given);
