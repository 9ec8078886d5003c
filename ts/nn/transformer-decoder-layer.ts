import { checkOptions } from "../arguments.js";
import type { MaskLike } from "../ops/mask-operand.js";
import type { TensorLike } from "../ops/operand.js";
import type { FloatDType } from "../tensor/dtype.js";
import type { Tensor } from "../tensor/tensor.js";
import type { WithPrefix } from "./attention-module.js";
import { Dropout } from "./dropout.js";
import { moduleFrom } from "./from-state-dict.js";
import { together } from "./initialization.js";
import { LayerNorm } from "./layer-norm.js";
import { Linear } from "./linear.js";
import { define, Module, rawModule, requireUsable } from "./module.js";
import { MultiheadAttention } from "./multihead-attention.js";
import type { StateDictLike } from "./state-dict.js";
import {
  encoderForwardOptionNames,
  SELF_HIDING,
  type TransformerEncoderForwardOptions,
} from "./transformer-encoder-layer.js";
import { inFloat32, readHiding, widened } from "./transformer-inputs.js";
import { readLayerParts, type TransformerLayerOptions, transformerLayerOptionNames } from "./transformer-options.js";
import { chain, residual, type Step } from "./transformer-steps.js";

const NAME = "TransformerDecoderLayer";

/**
 * Options of `forward` of a `TransformerDecoderLayer` and a `TransformerDecoder`: those of the encoder, for the attention of the
 * target to itself, and the same for its attention to the memory. Letters: B batch, L tokens of the target, S of the memory.
 */
export interface TransformerDecoderForwardOptions extends TransformerEncoderForwardOptions {
  /** `[L, S]`, or `[B·nhead, L, S]`. bool: true **hides**; float: added to the scores. */
  memoryMask?: MaskLike;
  /** `[B, S]`, or `[S]` unbatched. bool: true **hides** a token of the memory; float: added to its scores. */
  memoryKeyPaddingMask?: MaskLike;
  /** Hide tokens of the memory that come later than the target's. Default: false. */
  memoryIsCausal?: boolean;
}

export const decoderForwardOptionNames = [
  ...encoderForwardOptionNames,
  "memoryMask",
  "memoryKeyPaddingMask",
  "memoryIsCausal",
] as const satisfies readonly (keyof TransformerDecoderForwardOptions)[];

/** The options' names for what hides tokens of the memory. */
export const MEMORY_HIDING = {
  attnMask: "memoryMask",
  keyPaddingMask: "memoryKeyPaddingMask",
  isCausal: "memoryIsCausal",
} as const;

/**
 * Self-attention, attention to a memory and a feed-forward network, each with a residual connection, a norm and dropout: PyTorch's
 * `nn.TransformerDecoderLayer`, with its parameters, state dict and initialisation. (Vaswani et al. 2017, "Attention Is All You
 * Need", 3.1.)
 *
 * x₁ = norm1(x + sa(x)), x₂ = norm2(x₁ + ca(x₁, memory)), output = norm3(x₂ + ff(x₂)); with `normFirst` x₁ = x + sa(norm1(x)), x₂ =
 * x₁ + ca(norm2(x₁), memory), output = x₂ + ff(norm3(x₂)). sa is `self_attn`, ca `multihead_attn`, ff(x) =
 * linear2(activation(linear1(x))).
 *
 * What `TransformerEncoderLayer` says of PyTorch holds here too. In training mode dropout draws six seeds from the package's
 * generator, in this order: for the weights of `self_attn`, behind it, for the weights of `multihead_attn`, behind it, in the hidden
 * layer, behind `linear2`.
 *
 * @example
 * ```js
 * import { init, rand } from "wasm-attention";
 * import { TransformerDecoderLayer } from "wasm-attention/nn";
 *
 * await init();
 * const layer = new TransformerDecoderLayer(8, 2, { dimFeedforward: 16, batchFirst: true }).eval();
 * const memory = rand([1, 5, 8]);
 * console.log(layer.forward(rand([1, 3, 8]), memory, { isCausal: true }).shape); // [1, 3, 8]
 * layer.dispose();
 * ```
 */
export class TransformerDecoderLayer extends Module {
  /** Whether the norms come before the branches. */
  declare readonly normFirst: boolean;
  /** The attention of the target to itself. */
  declare readonly self_attn: MultiheadAttention;
  /** The attention of the target to the memory. */
  declare readonly multihead_attn: MultiheadAttention;
  /** `[dimFeedforward, dModel]`, with the activation. */
  declare readonly linear1: Linear;
  /** In the hidden layer. */
  declare readonly dropout: Dropout;
  /** `[dModel, dimFeedforward]` */
  declare readonly linear2: Linear;
  /** Of the attention to itself. */
  declare readonly norm1: LayerNorm;
  /** Of the attention to the memory. */
  declare readonly norm2: LayerNorm;
  /** Of the feed-forward network. */
  declare readonly norm3: LayerNorm;
  /** Of the attention to itself. */
  declare readonly dropout1: Dropout;
  /** Of the attention to the memory. */
  declare readonly dropout2: Dropout;
  /** Of the feed-forward network. */
  declare readonly dropout3: Dropout;

  /**
   * A layer in training mode, with fresh parameters as those of `MultiheadAttention` and `Linear`, in the order of the state dict.
   *
   * @param dModel Width E of inputs and outputs, at least 1.
   * @param nhead Number of heads; it must divide `dModel`, where there is no `attention.headDim`.
   * @param options PyTorch's, and `attention`.
   * @throws {TypeError} for wrong kinds and unknown options.
   * @throws {RangeError} for wrong values, and for lack of memory.
   * @throws {AttentionError} before `init`.
   */
  constructor(dModel: number, nhead: number, options?: TransformerLayerOptions) {
    const given = checkOptions(NAME, options, transformerLayerOptionNames);
    const parts = readLayerParts(NAME, dModel, nhead, given);
    const { normFirst, dropout, dimFeedforward, norm } = parts;
    super();
    define(
      this,
      together(() => ({
        normFirst,
        self_attn: new MultiheadAttention(dModel, nhead, parts.selfAttention),
        multihead_attn: new MultiheadAttention(dModel, nhead, parts.crossAttention),
        linear1: new Linear(dModel, dimFeedforward, parts.hidden),
        dropout: new Dropout(dropout),
        linear2: new Linear(dimFeedforward, dModel, parts.output),
        norm1: new LayerNorm(dModel, norm),
        norm2: new LayerNorm(dModel, norm),
        norm3: new LayerNorm(dModel, norm),
        dropout1: new Dropout(dropout),
        dropout2: new Dropout(dropout),
        dropout3: new Dropout(dropout),
      })),
    );
  }

  /**
   * A layer of given parameters, which are copied; nothing is drawn.
   *
   * @param dict The parameters by PyTorch's names, as `loadSafetensors(bytes).tensors`.
   * @param dModel As in the constructor.
   * @param nhead As in the constructor.
   * @param options As in the constructor, and a `prefix` of the dictionary's names; those without it are not looked at.
   * @returns The layer, in training mode.
   * @throws {TypeError} for wrong kinds, unknown options and tensors of another kind than floats.
   * @throws {RangeError} for wrong values, names and shapes, listed in one error, and for lack of memory.
   */
  static from(
    dict: StateDictLike,
    dModel: number,
    nhead: number,
    options?: WithPrefix<TransformerLayerOptions>,
  ): TransformerDecoderLayer {
    return fromStateDict(dict, dModel, nhead, options);
  }

  /** The name in errors. */
  override get [Symbol.toStringTag](): string {
    return NAME;
  }

  /**
   * Decodes a sequence beside a memory, which an encoder has made. All is computed in float32 and rounded once. What lies between is
   * freed as soon as it has been read, as far as no backward pass needs it.
   *
   * @param tgt `[L, B, E]`, or `[B, L, E]` with `batchFirst`, or `[L, E]` unbatched; float32, float16 or bfloat16.
   * @param memory `[S, B, E]`, `[B, S, E]` or `[S, E]`; of any float dtype.
   * @param options What hides tokens of either, and the target's positions.
   * @returns A tensor of tgt's shape and dtype.
   * @throws {TypeError} for wrong kinds, int32 masks, positions without `rotary`, and when the layer has been disposed.
   * @throws {RangeError} for shapes that don't fit, wrong values and lack of memory.
   */
  forward(tgt: TensorLike, memory: TensorLike, options?: TransformerDecoderForwardOptions): Tensor<FloatDType> {
    const layer = rawModule(this);
    const operation = requireUsable(layer, "forward");
    const given = checkOptions(operation, options, decoderForwardOptionNames);
    const { normFirst, self_attn, multihead_attn, linear1, dropout, linear2 } = layer;
    const { norm1, norm2, norm3, dropout1, dropout2, dropout3 } = layer;
    const target = { argument: "tgt", value: tgt };
    const source = { argument: "memory", value: memory };
    const hiding = readHiding(operation, self_attn, target, target, given, SELF_HIDING);
    const memoryHiding = readHiding(operation, multihead_attn, target, source, given, MEMORY_HIDING);
    return inFloat32(operation, target, (x) => {
      const asked = { ...hiding(), positionIds: given.positionIds };
      const askedOfMemory = memoryHiding();
      const m = widened(operation, source);
      const attend: Step = { forward: (y) => self_attn.forward(y, y, y, asked).output };
      const attendToMemory: Step = { forward: (y) => multihead_attn.forward(y, m, m, askedOfMemory).output };
      return chain(x, [
        residual(normFirst, norm1, [attend, dropout1]),
        residual(normFirst, norm2, [attendToMemory, dropout2]),
        residual(normFirst, norm3, [linear1, dropout, linear2, dropout3]),
      ]);
    });
  }
}

// Not in the class, as a class that names itself gets another name from bundlers.
const fromStateDict = (
  dict: StateDictLike,
  dModel: number,
  nhead: number,
  options: WithPrefix<TransformerLayerOptions> | undefined,
): TransformerDecoderLayer =>
  moduleFrom(
    `${NAME}.from`,
    dict,
    options,
    transformerLayerOptionNames,
    (own) => new TransformerDecoderLayer(dModel, nhead, own),
  );
