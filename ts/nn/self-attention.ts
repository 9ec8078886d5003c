import type { TensorLike } from "../ops/operand.js";
import type { OptionsGiven } from "../ops/options-given.js";
import { AttentionModule, type AttentionForwardOptions, type AttentionForwardResult } from "./attention-module.js";
import { readConfiguration, selfAttentionOptionNames, type SelfAttentionOptions } from "./configuration.js";

const NAME = "SelfAttention";

/**
 * Multi-head self-attention: embeddings in, context out. `MultiheadAttention` with one input for queries, keys and values,
 * and batch first: all that it says, about masks, parameters and the state dict, holds here too.
 *
 * Letters: B batch, L tokens, E embedDim.
 */
export class SelfAttention extends AttentionModule {
  /**
   * A module in training mode, with fresh parameters as those of `MultiheadAttention`.
   *
   * Throws a TypeError for wrong kinds and unknown options, a RangeError for wrong values (`numHeads` must divide
   * `embedDim`, `numKvHeads` `numHeads`) and for lack of memory, an AttentionError before `init`.
   */
  constructor(embedDim: number, numHeads: number, options?: SelfAttentionOptions) {
    const configuration = readConfiguration(NAME, embedDim, numHeads, options, selfAttentionOptionNames);
    super(NAME, { ...configuration, batchFirst: true });
  }

  /**
   * Attends from every token to every token.
   *
   * @param x `[B, L, E]`, or `[L, E]` unbatched; float32, float16 or bfloat16.
   *
   * Memory and errors are those of `MultiheadAttention.forward`.
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
