import { checkOptions } from "../arguments.js";
import type { TensorLike } from "../ops/operand.js";
import type { FloatDType } from "../tensor/dtype.js";
import type { Tensor } from "../tensor/tensor.js";
import type { WithPrefix } from "./attention-module.js";
import { moduleFrom } from "./from-state-dict.js";
import type { LayerNorm } from "./layer-norm.js";
import { define, Module, rawModule, requireUsable } from "./module.js";
import type { StateDictLike } from "./state-dict.js";
import {
  decoderForwardOptionNames,
  MEMORY_HIDING,
  TransformerDecoderLayer,
  type TransformerDecoderForwardOptions,
} from "./transformer-decoder-layer.js";
import { SELF_HIDING } from "./transformer-encoder-layer.js";
import { inFloat32, readHiding, widened } from "./transformer-inputs.js";
import { type TransformerStackOptions, transformerStackOptionNames } from "./transformer-options.js";
import { applyStack, readStack } from "./transformer-stack.js";

const NAME = "TransformerDecoder";

/**
 * A stack of `TransformerDecoderLayer`s, all of which attend to the same memory: PyTorch's `nn.TransformerDecoder`, with its
 * parameters and state dict. PyTorch's takes a layer, and copies it; here every layer is made with numbers of its own.
 *
 * output = layerₙ(… layer₁(tgt, memory), memory), with `norm` then norm(output), which pre-norm layers want.
 *
 * @example
 * ```js
 * import { init, rand } from "wasm-attention";
 * import { TransformerDecoder } from "wasm-attention/nn";
 *
 * await init();
 * const decoder = new TransformerDecoder(8, 2, { numLayers: 2, dimFeedforward: 16, batchFirst: true }).eval();
 * const memory = rand([1, 5, 8]);
 * console.log(decoder.forward(rand([1, 3, 8]), memory, { isCausal: true }).shape); // [1, 3, 8]
 * decoder.dispose();
 * ```
 */
export class TransformerDecoder extends Module {
  /** First to last. */
  declare readonly layers: readonly TransformerDecoderLayer[];
  /** Behind the last layer; undefined without one. */
  declare readonly norm: LayerNorm | undefined;

  /**
   * A stack in training mode, with fresh parameters in the order of the state dict.
   *
   * @param dModel Width E of inputs and outputs, at least 1.
   * @param nhead Number of heads; it must divide `dModel`, where there is no `attention.headDim`.
   * @param options `numLayers`, `norm`, and those of the layers.
   * @throws {TypeError} for wrong kinds and unknown options.
   * @throws {RangeError} for wrong values, and for lack of memory.
   * @throws {AttentionError} before `init`.
   */
  constructor(dModel: number, nhead: number, options: TransformerStackOptions) {
    const create = readStack(NAME, dModel, nhead, options);
    super();
    define(this, { ...create((own) => new TransformerDecoderLayer(dModel, nhead, own)) });
  }

  /**
   * A stack of given parameters, which are copied; nothing is drawn.
   *
   * @param dict The parameters by PyTorch's names, as `loadSafetensors(bytes).tensors`.
   * @param dModel As in the constructor.
   * @param nhead As in the constructor.
   * @param options As in the constructor, and a `prefix` of the dictionary's names; those without it are not looked at.
   * @returns The stack, in training mode.
   * @throws {TypeError} for wrong kinds, unknown options and tensors of another kind than floats.
   * @throws {RangeError} for wrong values, names and shapes, listed in one error, and for lack of memory.
   */
  static from(
    dict: StateDictLike,
    dModel: number,
    nhead: number,
    options: WithPrefix<TransformerStackOptions>,
  ): TransformerDecoder {
    return fromStateDict(dict, dModel, nhead, options);
  }

  /** The name in errors. */
  override get [Symbol.toStringTag](): string {
    return NAME;
  }

  /**
   * Decodes a sequence beside a memory, which an encoder has made. All is computed in float32 and rounded once. Of all layers there is
   * in memory only what one needs, as far as no backward pass needs the rest.
   *
   * @param tgt `[L, B, E]`, or `[B, L, E]` with `batchFirst`, or `[L, E]` unbatched; float32, float16 or bfloat16.
   * @param memory `[S, B, E]`, `[B, S, E]` or `[S, E]`; of any float dtype.
   * @param options What hides tokens of either, and the target's positions, for every layer.
   * @returns A tensor of tgt's shape and dtype.
   * @throws {TypeError} for wrong kinds, int32 masks, positions without `rotary`, and when the stack has been disposed.
   * @throws {RangeError} for shapes that don't fit, wrong values and lack of memory.
   */
  forward(tgt: TensorLike, memory: TensorLike, options?: TransformerDecoderForwardOptions): Tensor<FloatDType> {
    const { layers, norm } = rawModule(this);
    const operation = requireUsable(this, "forward");
    const given = checkOptions(operation, options, decoderForwardOptionNames);
    const [{ self_attn, multihead_attn }] = layers;
    const target = { argument: "tgt", value: tgt };
    const source = { argument: "memory", value: memory };
    const hiding = readHiding(operation, self_attn, target, target, given, SELF_HIDING);
    const memoryHiding = readHiding(operation, multihead_attn, target, source, given, MEMORY_HIDING);
    return inFloat32(operation, target, (x) => {
      const { attnMask: mask, ...others } = hiding();
      const { attnMask: memoryMask, keyPaddingMask: memoryKeyPaddingMask, isCausal: memoryIsCausal } = memoryHiding();
      const ofMemory = { memoryMask, memoryKeyPaddingMask, memoryIsCausal };
      const asked = { mask, ...others, positionIds: given.positionIds, ...ofMemory };
      const m = widened(operation, source);
      return applyStack({ layers, norm }, x, (layer, y) => layer.forward(y, m, asked));
    });
  }
}

// Not in the class, as a class that names itself gets another name from bundlers.
const fromStateDict = (
  dict: StateDictLike,
  dModel: number,
  nhead: number,
  options: WithPrefix<TransformerStackOptions>,
): TransformerDecoder =>
  moduleFrom(
    `${NAME}.from`,
    dict,
    options,
    transformerStackOptionNames,
    (own) => new TransformerDecoder(dModel, nhead, own),
  );
