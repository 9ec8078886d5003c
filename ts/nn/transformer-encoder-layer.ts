import { checkOptions } from "../arguments.js";
import type { IndicesLike } from "../ops/indices.js";
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
import { inFloat32, readHiding } from "./transformer-inputs.js";
import { readLayerParts, type TransformerLayerOptions, transformerLayerOptionNames } from "./transformer-options.js";
import { chain, residual, type Step } from "./transformer-steps.js";

const NAME = "TransformerEncoderLayer";

/** Options of `forward` of a `TransformerEncoderLayer` and a `TransformerEncoder`. Letters: B batch, L tokens. */
export interface TransformerEncoderForwardOptions {
  /** `[L, L]`, or `[B·nhead, L, L]` with the heads of a batch side by side. bool: true **hides**; float: added to the scores. */
  mask?: MaskLike;
  /** `[B, L]`, or `[L]` unbatched. bool: true **hides** a token, as padding is; float: added to its scores. */
  keyPaddingMask?: MaskLike;
  /** Hide tokens that come later, with or without `mask` (in PyTorch a mere hint). Default: false. */
  isCausal?: boolean;
  /** The positions by which `attention: { rotary }` turns heads, as `positionIds` of `MultiheadAttention`. Default: 0. */
  positionIds?: IndicesLike | number;
}

export const encoderForwardOptionNames = [
  "mask",
  "keyPaddingMask",
  "isCausal",
  "positionIds",
] as const satisfies readonly (keyof TransformerEncoderForwardOptions)[];

/** The options' names for what hides tokens of a sequence from itself. */
export const SELF_HIDING = { attnMask: "mask", keyPaddingMask: "keyPaddingMask", isCausal: "isCausal" } as const;

/**
 * Self-attention and a feed-forward network, each with a residual connection, a norm and dropout: PyTorch's
 * `nn.TransformerEncoderLayer`, with its parameters, state dict and initialisation. (Vaswani et al. 2017, "Attention Is All You Need",
 * 3.1.)
 *
 * x₁ = norm1(x + sa(x)), output = norm2(x₁ + ff(x₁)); with `normFirst` x₁ = x + sa(norm1(x)), output = x₁ + ff(norm2(x₁)). sa is
 * `self_attn`, ff(x) = linear2(activation(linear1(x))).
 *
 * Other than in PyTorch: `isCausal` masks by itself; tokens hidden by `keyPaddingMask` are computed like any other, and one that sees
 * none gets what `self_attn` gives then, never NaN. `activation` has more names, and `attention` gives grouped heads or rotary
 * positions.
 *
 * In training mode dropout draws four seeds from the package's generator, in this order: for the attention weights, behind
 * `self_attn`, in the hidden layer, behind `linear2`.
 *
 * @example
 * ```js
 * import { init, rand } from "wasm-attention";
 * import { TransformerEncoderLayer } from "wasm-attention/nn";
 *
 * await init();
 * const layer = new TransformerEncoderLayer(8, 2, { dimFeedforward: 16, batchFirst: true }).eval();
 * const keyPaddingMask = [[false, false, true]]; // the last token is padding
 * console.log(layer.forward(rand([1, 3, 8]), { keyPaddingMask }).shape); // [1, 3, 8]
 * layer.dispose();
 * ```
 */
export class TransformerEncoderLayer extends Module {
  /** Whether the norms come before the branches. */
  declare readonly normFirst: boolean;
  /** The attention of the sequence to itself. */
  declare readonly self_attn: MultiheadAttention;
  /** `[dimFeedforward, dModel]`, with the activation. */
  declare readonly linear1: Linear;
  /** In the hidden layer. */
  declare readonly dropout: Dropout;
  /** `[dModel, dimFeedforward]` */
  declare readonly linear2: Linear;
  /** Of the attention. */
  declare readonly norm1: LayerNorm;
  /** Of the feed-forward network. */
  declare readonly norm2: LayerNorm;
  /** Of the attention. */
  declare readonly dropout1: Dropout;
  /** Of the feed-forward network. */
  declare readonly dropout2: Dropout;

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
        linear1: new Linear(dModel, dimFeedforward, parts.hidden),
        dropout: new Dropout(dropout),
        linear2: new Linear(dimFeedforward, dModel, parts.output),
        norm1: new LayerNorm(dModel, norm),
        norm2: new LayerNorm(dModel, norm),
        dropout1: new Dropout(dropout),
        dropout2: new Dropout(dropout),
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
  ): TransformerEncoderLayer {
    return fromStateDict(dict, dModel, nhead, options);
  }

  /** The name in errors. */
  override get [Symbol.toStringTag](): string {
    return NAME;
  }

  /**
   * Encodes a sequence. All is computed in float32 and rounded once. What lies between is freed as soon as it has been read, as far as
   * no backward pass needs it.
   *
   * @param src `[L, B, E]`, or `[B, L, E]` with `batchFirst`, or `[L, E]` unbatched; float32, float16 or bfloat16.
   * @param options What hides tokens, and positions.
   * @returns A tensor of the input's shape and dtype.
   * @throws {TypeError} for wrong kinds, int32 masks, positions without `rotary`, and when the layer has been disposed.
   * @throws {RangeError} for shapes that don't fit, wrong values and lack of memory.
   */
  forward(src: TensorLike, options?: TransformerEncoderForwardOptions): Tensor<FloatDType> {
    const layer = rawModule(this);
    const operation = requireUsable(layer, "forward");
    const given = checkOptions(operation, options, encoderForwardOptionNames);
    const { normFirst, self_attn, linear1, dropout, linear2, norm1, norm2, dropout1, dropout2 } = layer;
    const input = { argument: "src", value: src };
    const hiding = readHiding(operation, self_attn, input, input, given, SELF_HIDING);
    return inFloat32(operation, input, (x) => {
      const asked = { ...hiding(), positionIds: given.positionIds };
      const attend: Step = { forward: (y) => self_attn.forward(y, y, y, asked).output };
      return chain(x, [
        residual(normFirst, norm1, [attend, dropout1]),
        residual(normFirst, norm2, [linear1, dropout, linear2, dropout2]),
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
): TransformerEncoderLayer =>
  moduleFrom(
    `${NAME}.from`,
    dict,
    options,
    transformerLayerOptionNames,
    (own) => new TransformerEncoderLayer(dModel, nhead, own),
  );
