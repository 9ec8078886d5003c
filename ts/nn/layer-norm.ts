import { checkBoolean, checkNumber, checkOptions } from "../arguments.js";
import { shapeError } from "../errors.js";
import { describeFloat } from "../ops/float-operand.js";
import { layerNorm } from "../ops/normalization.js";
import type { TensorLike } from "../ops/operand.js";
import { requireInstance } from "../runtime/instance.js";
import type { FloatDType } from "../tensor/dtype.js";
import { filled } from "../tensor/filled.js";
import { checkShape, requireShape, type Shape } from "../tensor/shape.js";
import type { Tensor } from "../tensor/tensor.js";
import { construct } from "./construct.js";
import { drawn } from "./initialization.js";
import { define, Module, rawModule, requireUsable } from "./module.js";
import { adoptParameters } from "./parameter.js";

const NAME = "LayerNorm";

/** Options of `LayerNorm`. */
export interface LayerNormOptions {
  /** Added to the variance, at least 0. Default: 1e-5. */
  eps?: number;
  /** Learn a weight, and with `bias` a bias, for every normalized element. Default: true. */
  elementwiseAffine?: boolean;
  /** Learn a bias beside the weight. Default: true. */
  bias?: boolean;
}

/** The weight and the bias, where there are such. */
type Parameters = readonly Tensor<"float32">[];

/** Sizes of at least 1, at least one of them. */
export function readNormalizedShape(operation: string, argument: string, normalizedShape: Shape | number): Shape {
  const asList = typeof normalizedShape === "number" ? [normalizedShape] : normalizedShape;
  const sizes = checkShape(operation, argument, asList);
  if (sizes.length === 0 || sizes.includes(0)) {
    throw shapeError(operation, argument, "at least one size, each at least 1", sizes);
  }
  return sizes;
}

/**
 * (input − mean) / √(variance + eps) · weight + bias, over the last axes: PyTorch's `nn.LayerNorm`, with its parameters and
 * state dict. (Ba, Kiros and Hinton 2016, "Layer Normalization".) The function `layerNorm` states the error.
 *
 * Parameters are float32: `weight`, at first 1, and `bias`, at first 0, both of shape `normalizedShape`. The mode, training or
 * evaluation, makes no difference.
 *
 * @example
 * ```js
 * import { init } from "wasm-attention";
 * import { LayerNorm } from "wasm-attention/nn";
 *
 * await init();
 * const layer = new LayerNorm(2);
 * console.log(layer.forward({ data: [1, 3, -5, 5], shape: [2, 2] }).toNested()); // about [[-1, 1], [-1, 1]]
 * layer.dispose();
 * ```
 */
export class LayerNorm extends Module {
  /** The sizes of the last axes, over which mean and variance are taken. */
  declare readonly normalizedShape: Shape;
  /** Added to the variance. */
  declare readonly eps: number;
  /** `normalizedShape`; undefined without `elementwiseAffine`. */
  declare readonly weight: Tensor<"float32"> | undefined;
  /** `normalizedShape`; undefined without one. */
  declare readonly bias: Tensor<"float32"> | undefined;

  /**
   * A layer in training mode.
   *
   * @param normalizedShape The sizes of the last axes; a number for one axis.
   * @param options `eps`, and which parameters there are.
   * @throws {TypeError} for wrong kinds and unknown options.
   * @throws {RangeError} for wrong values, and for lack of memory.
   * @throws {AttentionError} before `init`.
   */
  constructor(normalizedShape: Shape | number, options?: LayerNormOptions);
  constructor(normalizedShape: Shape | number, options?: LayerNormOptions, given?: Parameters) {
    const {
      eps = 1e-5,
      elementwiseAffine: isAffine = true,
      bias: hasBias = true,
    } = checkOptions(NAME, options, ["eps", "elementwiseAffine", "bias"]);
    const shape = readNormalizedShape(NAME, "normalizedShape", normalizedShape);
    checkNumber(NAME, "eps", eps, 0);
    checkBoolean(NAME, "elementwiseAffine", isAffine);
    checkBoolean(NAME, "bias", hasBias);
    requireInstance(NAME);
    super();
    const create = (): Parameters =>
      isAffine ? drawn(() => [filled(NAME, shape, 1), ...(hasBias ? [filled(NAME, shape, 0)] : [])]) : [];
    const [weight, bias] = given ?? create();
    define(this, { normalizedShape: shape, eps, weight, bias });
  }

  /**
   * A layer of given parameters. float32 tensors are not copied: they become the layer's own, which disposes them with itself. All
   * else is copied to float32 and stays the caller's.
   *
   * @param weight Of any float dtype; its shape is `normalizedShape`.
   * @param bias Likewise; none by default.
   * @param options `eps`.
   * @returns The layer, in training mode.
   * @throws {TypeError} for wrong kinds and unknown options.
   * @throws {RangeError} for shapes that don't fit, and for lack of memory.
   */
  static from(weight: TensorLike, bias?: TensorLike, options?: Pick<LayerNormOptions, "eps">): LayerNorm {
    return fromParameters(weight, bias, options);
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
    const { normalizedShape, weight, bias, eps } = rawModule(this);
    requireUsable(this, "forward");
    return layerNorm(input, normalizedShape, weight, bias, eps);
  }
}

// Not in the class, as a class that names itself gets another name from bundlers.
function fromParameters(weight: TensorLike, bias: TensorLike | undefined, options: object | undefined): LayerNorm {
  const operation = `${NAME}.from`;
  const { eps } = checkOptions<LayerNormOptions>(operation, options, ["eps"]);
  const operands = [describeFloat(operation, "weight", weight)];
  const [{ shape }] = operands;
  readNormalizedShape(operation, "weight", shape);
  if (bias !== undefined) {
    const operand = describeFloat(operation, "bias", bias);
    requireShape(operation, operand, [shape], ", that of weight");
    operands.push(operand);
  }
  return construct(LayerNorm, shape, { eps }, adoptParameters(operation, operands));
}
