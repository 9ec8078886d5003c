import { checkBoolean, checkNumber, checkOptions } from "../arguments.js";
import { describeFloat } from "../ops/float-operand.js";
import { rmsNorm } from "../ops/normalization.js";
import type { TensorLike } from "../ops/operand.js";
import { requireInstance } from "../runtime/instance.js";
import type { FloatDType } from "../tensor/dtype.js";
import { filled } from "../tensor/filled.js";
import type { Shape } from "../tensor/shape.js";
import type { Tensor } from "../tensor/tensor.js";
import { construct } from "./construct.js";
import { drawn } from "./initialization.js";
import { readNormalizedShape } from "./layer-norm.js";
import { define, Module, rawModule, requireUsable } from "./module.js";
import { adoptParameters } from "./parameter.js";

const NAME = "RMSNorm";

/** Options of `RMSNorm`. */
export interface RMSNormOptions {
  /** Added to the mean of the squares, at least 0. Default: 2^-23, as in PyTorch; models name their own. */
  eps?: number;
  /** Learn a weight for every normalized element. Default: true. */
  elementwiseAffine?: boolean;
}

/**
 * input / √(mean of input² + eps) · weight, over the last axes: PyTorch's `nn.RMSNorm`, with its parameter and state dict. (Zhang and
 * Sennrich 2019, "Root Mean Square Layer Normalization".) The function `rmsNorm` states the error.
 *
 * `weight` is float32, of shape `normalizedShape`, and at first 1. The mode, training or evaluation, makes no difference.
 *
 * @example
 * ```js
 * import { init } from "wasm-attention";
 * import { RMSNorm } from "wasm-attention/nn";
 *
 * await init();
 * const layer = new RMSNorm(2);
 * console.log(layer.forward({ data: [3, 4], shape: [1, 2] }).toNested()); // about [[0.849, 1.131]]
 * layer.dispose();
 * ```
 */
export class RMSNorm extends Module {
  /** The sizes of the last axes, over which the mean is taken. */
  declare readonly normalizedShape: Shape;
  /** Added to the mean of the squares. */
  declare readonly eps: number;
  /** `normalizedShape`; undefined without `elementwiseAffine`. */
  declare readonly weight: Tensor<"float32"> | undefined;

  /**
   * A layer in training mode.
   *
   * @param normalizedShape The sizes of the last axes; a number for one axis.
   * @param options `eps`, and whether there is a weight.
   * @throws {TypeError} for wrong kinds and unknown options.
   * @throws {RangeError} for wrong values, and for lack of memory.
   * @throws {AttentionError} before `init`.
   */
  constructor(normalizedShape: Shape | number, options?: RMSNormOptions);
  constructor(normalizedShape: Shape | number, options?: RMSNormOptions, given?: readonly Tensor<"float32">[]) {
    const { eps = 2 ** -23, elementwiseAffine: isAffine = true } = checkOptions(NAME, options, [
      "eps",
      "elementwiseAffine",
    ]);
    const shape = readNormalizedShape(NAME, "normalizedShape", normalizedShape);
    checkNumber(NAME, "eps", eps, 0);
    checkBoolean(NAME, "elementwiseAffine", isAffine);
    requireInstance(NAME);
    super();
    const [weight] = given ?? (isAffine ? drawn(() => [filled(NAME, shape, 1)]) : []);
    define(this, { normalizedShape: shape, eps, weight });
  }

  /**
   * A layer of a given weight. A float32 tensor is not copied: it becomes the layer's own, which disposes it with itself. All else is
   * copied to float32 and stays the caller's.
   *
   * @param weight Of any float dtype; its shape is `normalizedShape`.
   * @param options `eps`.
   * @returns The layer, in training mode.
   * @throws {TypeError} for wrong kinds and unknown options.
   * @throws {RangeError} for a shape without a size, and for lack of memory.
   */
  static from(weight: TensorLike, options?: Pick<RMSNormOptions, "eps">): RMSNorm {
    return fromWeight(weight, options);
  }

  /** The name in errors. */
  override get [Symbol.toStringTag](): string {
    return NAME;
  }

  /**
   * Normalizes the last axes.
   *
   * @param input `[…, ...normalizedShape]`; float32, float16 or bfloat16.
   * @returns A tensor of the input's shape and dtype.
   * @throws {TypeError} for another dtype, and when the layer has been disposed.
   * @throws {RangeError} for another shape, and for lack of memory.
   */
  forward(input: TensorLike): Tensor<FloatDType> {
    const { normalizedShape, weight, eps } = rawModule(this);
    requireUsable(this, "forward");
    return rmsNorm(input, normalizedShape, weight, eps);
  }
}

// Not in the class, as a class that names itself gets another name from bundlers.
function fromWeight(weight: TensorLike, options: object | undefined): RMSNorm {
  const operation = `${NAME}.from`;
  const { eps } = checkOptions<RMSNormOptions>(operation, options, ["eps"]);
  const operand = describeFloat(operation, "weight", weight);
  readNormalizedShape(operation, "weight", operand.shape);
  return construct(RMSNorm, operand.shape, { eps }, adoptParameters(operation, [operand]));
}
