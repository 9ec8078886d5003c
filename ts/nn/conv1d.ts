import { checkBoolean, checkInteger, checkOptions } from "../arguments.js";
import { rangeError, shapeError } from "../errors.js";
import { conv1d, type Conv1dOptions } from "../ops/convolution.js";
import { describeFloat } from "../ops/float-operand.js";
import { LARGEST_SIZE } from "../ops/head-axes.js";
import type { TensorLike } from "../ops/operand.js";
import { requireInstance } from "../runtime/instance.js";
import type { FloatDType } from "../tensor/dtype.js";
import { requireShape } from "../tensor/shape.js";
import type { Tensor } from "../tensor/tensor.js";
import { construct } from "./construct.js";
import { drawn, uniform } from "./initialization.js";
import { define, Module, rawModule, requireUsable } from "./module.js";
import { adoptParameters } from "./parameter.js";

const NAME = "Conv1d";

/** Options of `Conv1d`. */
export interface Conv1dLayerOptions extends Conv1dOptions {
  /** Add a learned bias to every output channel. Default: true. */
  bias?: boolean;
}

/** The weight and, where there is one, the bias. */
type Parameters = readonly Tensor<"float32">[];

/** Both uniform within ±1/√(inputs of an output), which is PyTorch's `kaiming_uniform_` with a = √5. */
function drawParameters(shape: readonly [number, number, number], hasBias: boolean): Parameters {
  const bound = 1 / Math.sqrt(shape[1] * shape[2]);
  const shapes = [shape, ...(hasBias ? [[shape[0]]] : [])];
  return drawn(() => shapes.map((each) => uniform(NAME, each, bound)));
}

/**
 * Convolution along the last axis: PyTorch's `nn.Conv1d`, with its parameters, state dict and initialisation, and zeros as its
 * padding. The function `conv1d` has the equation and states the error.
 *
 * Parameters are float32: `weight` `[outChannels, inChannels / groups, kernelSize]`, `bias` `[outChannels]`. The mode, training or
 * evaluation, makes no difference.
 *
 * @example
 * ```js
 * import { init } from "wasm-attention";
 * import { Conv1d } from "wasm-attention/nn";
 *
 * await init();
 * const layer = new Conv1d(80, 16, 3, { stride: 2, padding: 1 });
 * console.log(layer.forward({ data: new Float32Array(80 * 100), shape: [1, 80, 100] }).shape); // [1, 16, 50]
 * layer.dispose();
 * ```
 */
export class Conv1d extends Module {
  /** Channels of the inputs. */
  declare readonly inChannels: number;
  /** Channels of the outputs. */
  declare readonly outChannels: number;
  /** How many places of the input an output sees. */
  declare readonly kernelSize: number;
  /** From what one output sees to what the next one does. */
  declare readonly stride: number;
  /** How many zeros stand before the input, and after it. */
  declare readonly padding: number;
  /** From one place of the kernel to the next. */
  declare readonly dilation: number;
  /** Into how many groups channels are cut. */
  declare readonly groups: number;
  /** `[outChannels, inChannels / groups, kernelSize]` */
  declare readonly weight: Tensor<"float32">;
  /** `[outChannels]`; undefined without one. */
  declare readonly bias: Tensor<"float32"> | undefined;

  /**
   * A layer in training mode, with fresh parameters from the package's generator, uniform within ±1/√(inChannels / groups ·
   * kernelSize).
   *
   * @param inChannels Channels of the inputs, at least 1; a multiple of `groups`.
   * @param outChannels Channels of the outputs, at least 1; a multiple of `groups`.
   * @param kernelSize How many places of the input an output sees, at least 1.
   * @param options Stride, padding, dilation, groups, a bias or none.
   * @throws {TypeError} for wrong kinds and unknown options.
   * @throws {RangeError} for wrong values, and for lack of memory.
   * @throws {AttentionError} before `init`.
   */
  constructor(inChannels: number, outChannels: number, kernelSize: number, options?: Conv1dLayerOptions);
  constructor(
    inChannels: number,
    outChannels: number,
    kernelSize: number,
    options?: Conv1dLayerOptions,
    given?: Parameters,
  ) {
    const read = checkOptions(NAME, options, ["stride", "padding", "dilation", "groups", "bias"]);
    checkInteger(NAME, "inChannels", inChannels, 1);
    checkInteger(NAME, "outChannels", outChannels, 1);
    checkInteger(NAME, "kernelSize", kernelSize, 1);
    const { bias: hasBias = true, ...geometry } = read;
    const { stride, padding, dilation, groups } = readGeometry(NAME, geometry);
    checkBoolean(NAME, "bias", hasBias);
    for (const [argument, channels] of Object.entries({ inChannels, outChannels })) {
      if (channels % groups !== 0) throw rangeError(NAME, argument, `a multiple of groups, ${groups}`, channels);
    }
    requireInstance(NAME);
    super();
    const [weight, bias] = given ?? drawParameters([outChannels, inChannels / groups, kernelSize], hasBias);
    const sizes = { inChannels, outChannels, kernelSize, stride, padding, dilation, groups };
    define(this, { ...sizes, weight, bias });
  }

  /**
   * A layer of given parameters. float32 tensors are not copied: they become the layer's own, which disposes them with itself. All
   * else is copied to float32 and stays the caller's.
   *
   * @param weight `[outChannels, inChannels / groups, kernelSize]`, of any float dtype.
   * @param bias `[outChannels]`, of any float dtype; none by default.
   * @param options Stride, padding, dilation and groups.
   * @returns The layer, in training mode.
   * @throws {TypeError} for wrong kinds and unknown options.
   * @throws {RangeError} for shapes that don't fit, wrong values, and for lack of memory.
   */
  static from(weight: TensorLike, bias?: TensorLike, options?: Conv1dOptions): Conv1d {
    return fromParameters(weight, bias, options);
  }

  /** The name in errors. */
  override get [Symbol.toStringTag](): string {
    return NAME;
  }

  /**
   * Convolves every sequence of a batch.
   *
   * @param input `[B, inChannels, L]`, or `[inChannels, L]` without a batch; float32, float16 or bfloat16.
   * @returns `[B, outChannels, T]`, or `[outChannels, T]`, in the input's dtype, with T = ⌊(L + 2 · padding − dilation · (kernelSize −
   *   1) − 1) / stride⌋ + 1.
   * @throws {TypeError} for another dtype, and when the layer has been disposed.
   * @throws {RangeError} for another shape, an input that is shorter than what the kernel reaches over, and for lack of memory.
   */
  forward(input: TensorLike): Tensor<FloatDType> {
    const { weight, bias, stride, padding, dilation, groups } = rawModule(this);
    requireUsable(this, "forward");
    return conv1d(input, weight, bias, { stride, padding, dilation, groups });
  }
}

/** The options of the function, checked and complete. */
function readGeometry(operation: string, options: Conv1dOptions): Required<Conv1dOptions> {
  const { stride = 1, padding = 0, dilation = 1, groups = 1 } = options;
  checkInteger(operation, "stride", stride, 1, LARGEST_SIZE);
  checkInteger(operation, "padding", padding, 0, LARGEST_SIZE);
  checkInteger(operation, "dilation", dilation, 1, LARGEST_SIZE);
  checkInteger(operation, "groups", groups, 1, LARGEST_SIZE);
  return { stride, padding, dilation, groups };
}

// Not in the class, as a class that names itself gets another name from bundlers.
function fromParameters(weight: TensorLike, bias: TensorLike | undefined, options: Conv1dOptions | undefined): Conv1d {
  const operation = `${NAME}.from`;
  const read = checkOptions(operation, options, ["stride", "padding", "dilation", "groups"]);
  const geometry = readGeometry(operation, read);
  const operands = [describeFloat(operation, "weight", weight)];
  const [{ shape }] = operands;
  if (shape.length !== 3 || shape.includes(0)) {
    const expected = "shape [outChannels, inChannels / groups, kernelSize], each at least 1";
    throw shapeError(operation, "weight", expected, shape);
  }
  const [outChannels, groupChannels, kernelSize] = shape;
  if (outChannels % geometry.groups !== 0) {
    const expected = `a divisor of the weight's ${outChannels} output channels`;
    throw rangeError(operation, "groups", expected, geometry.groups);
  }
  if (bias !== undefined) {
    const operand = describeFloat(operation, "bias", bias);
    requireShape(operation, operand, [[outChannels]], ", one element an output channel");
    operands.push(operand);
  }
  const adopted = adoptParameters(operation, operands);
  return construct(Conv1d, groupChannels * geometry.groups, outChannels, kernelSize, geometry, adopted);
}
