import { checkInteger, checkOptions } from "../arguments.js";
import type { MaskLike } from "../ops/mask-operand.js";
import type { TensorLike } from "../ops/operand.js";
import type { FloatDType } from "../tensor/dtype.js";
import type { Tensor } from "../tensor/tensor.js";
import type { WithPrefix } from "./attention-module.js";
import { moduleFrom } from "./from-state-dict.js";
import { redraw, together, xavierUniform } from "./initialization.js";
import { define, Module, rawModule, requireUsable } from "./module.js";
import type { StateDictLike } from "./state-dict.js";
import { TransformerDecoder } from "./transformer-decoder.js";
import { TransformerEncoder } from "./transformer-encoder.js";
import { inFloat32, readHiding, widened } from "./transformer-inputs.js";
import { readLayerParts, type TransformerLayerOptions, transformerLayerOptionNames } from "./transformer-options.js";

const NAME = "Transformer";

/** Options of `Transformer`. */
export interface TransformerOptions extends TransformerLayerOptions {
  /** Layers of the encoder, at least 1. Default: 6. */
  numEncoderLayers?: number;
  /** Layers of the decoder, at least 1. Default: 6. */
  numDecoderLayers?: number;
}

const optionNames = ["numEncoderLayers", "numDecoderLayers", ...transformerLayerOptionNames] as const;

/** Options of `forward` of a `Transformer`. Letters: B batch, S tokens of the source, L of the target. In bool masks true **hides**. */
export interface TransformerForwardOptions {
  /** `[S, S]`, or `[B·nhead, S, S]` with the heads of a batch side by side. bool: true **hides**; float: added to the scores. */
  srcMask?: MaskLike;
  /** `[L, L]`, or `[B·nhead, L, L]`. */
  tgtMask?: MaskLike;
  /** `[L, S]`, or `[B·nhead, L, S]`. */
  memoryMask?: MaskLike;
  /** `[B, S]`, or `[S]` unbatched: the source's padding, for the encoder. */
  srcKeyPaddingMask?: MaskLike;
  /** `[B, L]`, or `[L]` unbatched: the target's padding. */
  tgtKeyPaddingMask?: MaskLike;
  /** `[B, S]`, or `[S]` unbatched: the source's padding, for the decoder. */
  memoryKeyPaddingMask?: MaskLike;
  /** Hide tokens of the source from those before them. Default: false. */
  srcIsCausal?: boolean;
  /** Hide tokens of the target from those before them, with or without `tgtMask` (in PyTorch a mere hint). Default: false. */
  tgtIsCausal?: boolean;
  /** Hide tokens of the memory that come later than the target's. Default: false. */
  memoryIsCausal?: boolean;
}

const forwardOptionNames = [
  "srcMask",
  "tgtMask",
  "memoryMask",
  "srcKeyPaddingMask",
  "tgtKeyPaddingMask",
  "memoryKeyPaddingMask",
  "srcIsCausal",
  "tgtIsCausal",
  "memoryIsCausal",
] as const satisfies readonly (keyof TransformerForwardOptions)[];

/** The options' names for what hides tokens. */
const hidingNames = <P extends "src" | "tgt" | "memory">(
  prefix: P,
): { attnMask: `${P}Mask`; keyPaddingMask: `${P}KeyPaddingMask`; isCausal: `${P}IsCausal` } => ({
  attnMask: `${prefix}Mask`,
  keyPaddingMask: `${prefix}KeyPaddingMask`,
  isCausal: `${prefix}IsCausal`,
});

/**
 * An encoder and a decoder that attends to what it gives, each with a norm at the end: PyTorch's `nn.Transformer`, with its parameters,
 * state dict and initialisation. (Vaswani et al. 2017, "Attention Is All You Need".) Embeddings, positions and the head are the
 * model's around it.
 *
 * The number of layers are options here, where PyTorch has them third and fourth. What `TransformerEncoderLayer` says of PyTorch holds
 * here too.
 *
 * @example
 * ```js
 * import { init, rand } from "wasm-attention";
 * import { Transformer } from "wasm-attention/nn";
 *
 * await init();
 * const options = { numEncoderLayers: 1, numDecoderLayers: 1, dimFeedforward: 16, batchFirst: true };
 * const model = new Transformer(8, 2, options).eval();
 * const padding = [[false, false, false, true, true]]; // the source's last two tokens
 * const masks = { srcKeyPaddingMask: padding, memoryKeyPaddingMask: padding, tgtIsCausal: true };
 * console.log(model.forward(rand([1, 5, 8]), rand([1, 3, 8]), masks).shape); // [1, 3, 8]
 * model.dispose();
 * ```
 */
export class Transformer extends Module {
  /** Of the source, with a norm at the end. */
  declare readonly encoder: TransformerEncoder;
  /** Of the target, with a norm at the end. */
  declare readonly decoder: TransformerDecoder;

  /**
   * A model in training mode, with fresh parameters as its layers have them, of which all of rank 2 and more are then drawn anew, Xavier
   * uniform, in the order of the state dict.
   *
   * @param dModel Width E of inputs and outputs, at least 1. Default: 512.
   * @param nhead Number of heads; it must divide `dModel`, where there is no `attention.headDim`. Default: 8.
   * @param options Numbers of layers, and the layers' options.
   * @throws {TypeError} for wrong kinds and unknown options.
   * @throws {RangeError} for wrong values, and for lack of memory.
   * @throws {AttentionError} before `init`.
   */
  constructor(dModel = 512, nhead = 8, options?: TransformerOptions) {
    const given = checkOptions(NAME, options, optionNames);
    const { numEncoderLayers = 6, numDecoderLayers = 6, ...own } = given;
    readLayerParts(NAME, dModel, nhead, own);
    checkInteger(NAME, "numEncoderLayers", numEncoderLayers, 1);
    checkInteger(NAME, "numDecoderLayers", numDecoderLayers, 1);
    super();
    together(() => {
      const stack = { ...own, norm: true };
      define(this, {
        encoder: new TransformerEncoder(dModel, nhead, { ...stack, numLayers: numEncoderLayers }),
        decoder: new TransformerDecoder(dModel, nhead, { ...stack, numLayers: numDecoderLayers }),
      });
      for (const parameter of this.parameters()) {
        if (parameter.shape.length > 1) redraw(parameter, (shape) => xavierUniform(NAME, shape));
      }
    });
  }

  /**
   * A model of given parameters, which are copied; nothing is drawn.
   *
   * @param dict The parameters by PyTorch's names, as `loadSafetensors(bytes).tensors`.
   * @param dModel As in the constructor.
   * @param nhead As in the constructor.
   * @param options As in the constructor, and a `prefix` of the dictionary's names; those without it are not looked at.
   * @returns The model, in training mode.
   * @throws {TypeError} for wrong kinds, unknown options and tensors of another kind than floats.
   * @throws {RangeError} for wrong values, names and shapes, listed in one error, and for lack of memory.
   */
  static from(
    dict: StateDictLike,
    dModel?: number,
    nhead?: number,
    options?: WithPrefix<TransformerOptions>,
  ): Transformer {
    return fromStateDict(dict, dModel, nhead, options);
  }

  /** The name in errors. */
  override get [Symbol.toStringTag](): string {
    return NAME;
  }

  /**
   * Encodes the source and decodes the target beside it. All is computed in float32 and rounded once. Of all layers there is in memory
   * only what one needs, as far as no backward pass needs the rest.
   *
   * @param src `[S, B, E]`, or `[B, S, E]` with `batchFirst`, or `[S, E]` unbatched; float32, float16 or bfloat16.
   * @param tgt `[L, B, E]`, `[B, L, E]` or `[L, E]`; of any float dtype.
   * @param options What hides tokens: the source's from the encoder (`src…`) and from the decoder (`memory…`), the target's (`tgt…`).
   * @returns A tensor of tgt's shape and dtype.
   * @throws {TypeError} for wrong kinds, int32 masks, and when the model has been disposed.
   * @throws {RangeError} for shapes that don't fit, wrong values and lack of memory.
   */
  forward(src: TensorLike, tgt: TensorLike, options?: TransformerForwardOptions): Tensor<FloatDType> {
    const { encoder, decoder } = rawModule(this);
    const operation = requireUsable(this, "forward");
    const given = checkOptions(operation, options, forwardOptionNames);
    const [{ self_attn, multihead_attn }] = decoder.layers;
    const source = { argument: "src", value: src };
    const target = { argument: "tgt", value: tgt };
    const ofSource = readHiding(operation, encoder.layers[0].self_attn, source, source, given, hidingNames("src"));
    const ofTarget = readHiding(operation, self_attn, target, target, given, hidingNames("tgt"));
    // The memory has the source's shape.
    const ofMemory = readHiding(operation, multihead_attn, target, source, given, hidingNames("memory"));
    return inFloat32(operation, target, (x) => {
      const { attnMask: mask, ...others } = ofSource();
      const memory = encoder.forward(widened(operation, source), { mask, ...others });
      const { attnMask: tgtMask, ...ofItself } = ofTarget();
      const { attnMask: memoryMask, keyPaddingMask: memoryKeyPaddingMask, isCausal: memoryIsCausal } = ofMemory();
      const asked = { mask: tgtMask, ...ofItself, memoryMask, memoryKeyPaddingMask, memoryIsCausal };
      return decoder.forward(x, memory, asked);
    });
  }
}

// Not in the class, as a class that names itself gets another name from bundlers.
const fromStateDict = (
  dict: StateDictLike,
  dModel: number | undefined,
  nhead: number | undefined,
  options: WithPrefix<TransformerOptions> | undefined,
): Transformer => moduleFrom(`${NAME}.from`, dict, options, optionNames, (own) => new Transformer(dModel, nhead, own));
