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
  encoderForwardOptionNames,
  SELF_HIDING,
  TransformerEncoderLayer,
  type TransformerEncoderForwardOptions,
} from "./transformer-encoder-layer.js";
import { inFloat32, readHiding } from "./transformer-inputs.js";
import { type TransformerStackOptions, transformerStackOptionNames } from "./transformer-options.js";
import { applyStack, readStack } from "./transformer-stack.js";

const NAME = "TransformerEncoder";

/**
 * A stack of `TransformerEncoderLayer`s: PyTorch's `nn.TransformerEncoder`, with its parameters and state dict. PyTorch's takes a
 * layer, and copies it; here every layer is made with numbers of its own.
 *
 * output = layerₙ(… layer₁(src)), with `norm` then norm(output), which pre-norm layers want.
 *
 * @example
 * ```js
 * import { init, rand } from "wasm-attention";
 * import { TransformerEncoder } from "wasm-attention/nn";
 *
 * await init();
 * const encoder = new TransformerEncoder(8, 2, { numLayers: 2, dimFeedforward: 16, batchFirst: true }).eval();
 * console.log(encoder.forward(rand([1, 3, 8]), { isCausal: true }).shape); // [1, 3, 8]
 * console.log(Object.keys(encoder.stateDict())[0]); // layers.0.self_attn.in_proj_weight
 * encoder.dispose();
 * ```
 */
export class TransformerEncoder extends Module {
  /** First to last. */
  declare readonly layers: readonly TransformerEncoderLayer[];
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
    define(this, { ...create((own) => new TransformerEncoderLayer(dModel, nhead, own)) });
  }

  /**
   * A stack of given parameters, which are copied; nothing is drawn.
   *
   * @example
   * ```js
   * import { init, loadSafetensors, saveSafetensors } from "wasm-attention";
   * import { TransformerEncoder } from "wasm-attention/nn";
   *
   * await init();
   * const options = { numLayers: 2, dimFeedforward: 16 };
   * const file = saveSafetensors(new TransformerEncoder(8, 2, options).stateDict());
   * const encoder = TransformerEncoder.from(loadSafetensors(file).tensors, 8, 2, options);
   * console.log(encoder.layers.length); // 2
   * ```
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
  ): TransformerEncoder {
    return fromStateDict(dict, dModel, nhead, options);
  }

  /** The name in errors. */
  override get [Symbol.toStringTag](): string {
    return NAME;
  }

  /**
   * Encodes a sequence. All is computed in float32 and rounded once. Of all layers there is in memory only what one needs, as far as no
   * backward pass needs the rest.
   *
   * @param src `[L, B, E]`, or `[B, L, E]` with `batchFirst`, or `[L, E]` unbatched; float32, float16 or bfloat16.
   * @param options What hides tokens, and positions, for every layer.
   * @returns A tensor of the input's shape and dtype.
   * @throws {TypeError} for wrong kinds, int32 masks, positions without `rotary`, and when the stack has been disposed.
   * @throws {RangeError} for shapes that don't fit, wrong values and lack of memory.
   */
  forward(src: TensorLike, options?: TransformerEncoderForwardOptions): Tensor<FloatDType> {
    const { layers, norm } = rawModule(this);
    const operation = requireUsable(this, "forward");
    const given = checkOptions(operation, options, encoderForwardOptionNames);
    const input = { argument: "src", value: src };
    const hiding = readHiding(operation, layers[0].self_attn, input, input, given, SELF_HIDING);
    return inFloat32(operation, input, (x) => {
      const { attnMask: mask, ...others } = hiding();
      const asked = { mask, ...others, positionIds: given.positionIds };
      return applyStack({ layers, norm }, x, (layer, y) => layer.forward(y, asked));
    });
  }
}

// Not in the class, as a class that names itself gets another name from bundlers.
const fromStateDict = (
  dict: StateDictLike,
  dModel: number,
  nhead: number,
  options: WithPrefix<TransformerStackOptions>,
): TransformerEncoder =>
  moduleFrom(
    `${NAME}.from`,
    dict,
    options,
    transformerStackOptionNames,
    (own) => new TransformerEncoder(dModel, nhead, own),
  );
