import { checkBoolean, checkChoice, checkInteger, checkOptions } from "../arguments.js";
import { rangeError } from "../errors.js";
import type { Activation } from "../ops/activation.js";
import { describeParameters } from "../ops/linear.js";
import type { TensorLike } from "../ops/operand.js";
import { activationNames, PackedLinear } from "../ops/packed-linear.js";
import { requireInstance } from "../runtime/instance.js";
import type { FloatDType } from "../tensor/dtype.js";
import type { Tensor } from "../tensor/tensor.js";
import { construct } from "./construct.js";
import { drawn, uniform } from "./initialization.js";
import { define, Module, rawModule, requireUsable, withPacked } from "./module.js";
import { adoptParameters } from "./parameter.js";

const NAME = "Linear";

/** Options of `Linear`. */
export interface LinearOptions {
  /** Add a learned bias. Default: true. */
  bias?: boolean;
  /** Applied to the sums while they are at hand: it saves reading and writing them once more. Default: none. */
  activation?: Activation;
}

/** The weight and, where there is one, the bias. */
type Parameters = readonly Tensor<"float32">[];

function checkActivation(operation: string, activation: Activation | undefined): void {
  if (activation !== undefined) checkChoice(operation, "activation", activation, activationNames);
}

/** Both uniform within ±1/√inFeatures, which is PyTorch's `kaiming_uniform_` with a = √5. */
function drawParameters(inFeatures: number, outFeatures: number, hasBias: boolean): Parameters {
  requireInstance(NAME);
  const bound = 1 / Math.sqrt(inFeatures);
  const shapes = [[outFeatures, inFeatures], ...(hasBias ? [[outFeatures]] : [])];
  return drawn(() => shapes.map((shape) => uniform(NAME, shape, bound)));
}

/**
 * activation(input · weightᵀ + bias): PyTorch's `nn.Linear`, with its parameters, state dict and initialisation, and an
 * activation besides.
 *
 * Parameters are float32: `weight` `[outFeatures, inFeatures]`, `bias` `[outFeatures]`. The weight is packed for the kernel
 * by the first `forward`, and anew when it has changed, where the function `linear` packs it in every call. The mode,
 * training or evaluation, makes no difference.
 *
 * @example
 * ```js
 * import { init, Linear } from "wasm-attention";
 *
 * await init();
 * const layer = new Linear(2, 3, { activation: "gelu" });
 * console.log(layer.forward({ data: [1, 2], shape: [1, 2] }).shape); // [1, 3]
 * layer.dispose();
 * ```
 */
export class Linear extends Module {
  /** Width of the inputs. */
  declare readonly inFeatures: number;
  /** Width of the outputs. */
  declare readonly outFeatures: number;
  /** Applied to the outputs. */
  declare readonly activation: Activation | undefined;
  /** `[outFeatures, inFeatures]` */
  declare readonly weight: Tensor<"float32">;
  /** `[outFeatures]`; undefined without one. */
  declare readonly bias: Tensor<"float32"> | undefined;
  readonly #packed: PackedLinear;

  /**
   * A layer in training mode, with fresh parameters from the package's generator, uniform within ±1/√inFeatures.
   *
   * @param inFeatures Width of the inputs, at least 1.
   * @param outFeatures Width of the outputs, at least 1.
   * @param options A bias or none, an activation.
   * @throws {TypeError} for wrong kinds and unknown options.
   * @throws {RangeError} for wrong values, and for lack of memory.
   * @throws {AttentionError} before `init`.
   */
  constructor(inFeatures: number, outFeatures: number, options?: LinearOptions);
  constructor(inFeatures: number, outFeatures: number, options?: LinearOptions, given?: Parameters) {
    const { bias: hasBias = true, activation } = checkOptions(NAME, options, ["bias", "activation"]);
    checkInteger(NAME, "inFeatures", inFeatures, 1);
    checkInteger(NAME, "outFeatures", outFeatures, 1);
    checkBoolean(NAME, "bias", hasBias);
    checkActivation(NAME, activation);
    super();
    const [weight, bias] = given ?? drawParameters(inFeatures, outFeatures, hasBias);
    define(this, { inFeatures, outFeatures, activation, weight, bias });
    this.#packed = withPacked(
      this,
      new PackedLinear({ weight, weightRow: 0, bias, biasRow: 0, outFeatures }, activation),
    );
  }

  /**
   * A layer of given parameters, for which nothing is drawn. float32 tensors are not copied: they become the layer's own,
   * which disposes them with itself, and may be another module's parameters too (tied weights). All else is copied to float32
   * and stays the caller's.
   *
   * @example
   * ```js
   * import { init, Linear } from "wasm-attention";
   *
   * await init();
   * const layer = Linear.from({ data: [1, 2], shape: [1, 2] }, undefined, { activation: "relu" });
   * console.log(layer.forward({ data: [10, 100], shape: [2] }).item()); // 210
   * ```
   *
   * @param weight `[outFeatures, inFeatures]`, of any float dtype.
   * @param bias `[outFeatures]`, of any float dtype; none by default.
   * @param options An activation.
   * @returns The layer, in training mode.
   * @throws {TypeError} for wrong kinds and unknown options.
   * @throws {RangeError} for shapes that don't fit, and for lack of memory.
   */
  static from(weight: TensorLike, bias?: TensorLike, options?: Pick<LinearOptions, "activation">): Linear {
    return fromParameters(weight, bias, options);
  }

  /** The name in errors. */
  override get [Symbol.toStringTag](): string {
    return NAME;
  }

  /**
   * Applies the layer to every row. Before the activation the error is at most 2^-24 · (n + 1) · (Σ |input · weight| +
   * |bias|), typically its square root's; the functions `gelu`, `silu` and `relu` state what they add. A row's bits don't
   * depend on the other rows.
   *
   * @param input `[…, inFeatures]` of any rank from 1; float32, float16 or bfloat16.
   * @returns `[…, outFeatures]` in the input's dtype, computed in float32 and rounded once.
   * @throws {TypeError} for wrong kinds, and when the layer has been disposed.
   * @throws {RangeError} for another width, and for lack of memory.
   */
  forward(input: TensorLike): Tensor<FloatDType> {
    const layer = rawModule(this);
    return layer.#packed.apply(requireUsable(layer, "forward"), input);
  }
}

// Not in the class, as a class that names itself gets another name from bundlers.
function fromParameters(weight: TensorLike, bias: TensorLike | undefined, options: object | undefined): Linear {
  const operation = `${NAME}.from`;
  const { activation } = checkOptions<LinearOptions>(operation, options, ["activation"]);
  checkActivation(operation, activation);
  const described = describeParameters(operation, weight, bias);
  const { inFeatures, outFeatures } = described;
  if (inFeatures < 1 || outFeatures < 1) {
    throw rangeError(operation, "weight", "sizes of at least 1", described.weight.shape);
  }
  const operands = described.bias === undefined ? [described.weight] : [described.weight, described.bias];
  const parameters = adoptParameters(operation, operands);
  return construct(Linear, inFeatures, outFeatures, { bias: bias !== undefined, activation }, parameters);
}
