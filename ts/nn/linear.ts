import { checkBoolean, checkChoice, checkInteger, checkOptions } from "../arguments.js";
import type { Activation } from "../ops/activation.js";
import type { TensorLike } from "../ops/operand.js";
import { requireInstance } from "../runtime/instance.js";
import type { FloatDType } from "../tensor/dtype.js";
import { scope } from "../tensor/scope.js";
import type { Tensor } from "../tensor/tensor.js";
import { uniform } from "./initialization.js";
import { Module, rawModule, type StateDict } from "./module.js";
import { Projection } from "./projection.js";

const NAME = "Linear";

/** Options of `Linear`. */
export interface LinearOptions {
  /** Add a learned bias. Default: true. */
  bias?: boolean;
  /** Applied to the sums while they are at hand: it saves reading and writing them once more. Default: none. */
  activation?: Activation;
}

const activationNames: readonly Activation[] = ["gelu", "gelu-tanh", "silu", "relu"];

/** `weight`, then `bias`: both uniform within ±1/√inFeatures, which is PyTorch's `kaiming_uniform_` with a = √5. */
function createParameters(inFeatures: number, outFeatures: number, hasBias: boolean): StateDict {
  requireInstance(NAME);
  const bound = 1 / Math.sqrt(inFeatures);
  const weight = uniform(NAME, [outFeatures, inFeatures], bound);
  return hasBias ? { weight, bias: uniform(NAME, [outFeatures], bound) } : { weight };
}

/**
 * activation(input · weightᵀ + bias): PyTorch's `nn.Linear`, with its parameters, state dict and initialisation, and an
 * activation besides.
 *
 * Parameters are float32: `weight` `[outFeatures, inFeatures]`, `bias` `[outFeatures]`. The weight is packed for the kernel
 * once, and anew by `loadStateDict`, where the function `linear` packs it in every call. The mode, training or evaluation,
 * makes no difference.
 */
export class Linear extends Module {
  /** Width of the inputs. */
  declare readonly inFeatures: number;
  /** Width of the outputs. */
  declare readonly outFeatures: number;
  /** Applied to the outputs. */
  declare readonly activation: Activation | undefined;
  /** `[outFeatures, inFeatures]` */
  declare readonly weight: Tensor;
  /** `[outFeatures]`; undefined without one. */
  declare readonly bias: Tensor | undefined;
  readonly #projection: Projection;

  /**
   * A module in training mode, with fresh parameters from the package's generator, uniform within ±1/√inFeatures.
   *
   * Throws a TypeError for wrong kinds and unknown options, a RangeError for wrong values (sizes are at least 1) and for
   * lack of memory, an AttentionError before `init`.
   */
  constructor(inFeatures: number, outFeatures: number, options?: LinearOptions) {
    const { bias = true, activation } = checkOptions(NAME, options, ["bias", "activation"]);
    checkInteger(NAME, "inFeatures", inFeatures, 1);
    checkInteger(NAME, "outFeatures", outFeatures, 1);
    checkBoolean(NAME, "bias", bias);
    if (activation !== undefined) checkChoice(NAME, "activation", activation, activationNames);
    super(NAME, { inFeatures, outFeatures, activation }, () => createParameters(inFeatures, outFeatures, bias));
    try {
      this.#projection = pack(this);
    } catch (error) {
      super.dispose();
      throw error;
    }
  }

  /**
   * Applies the layer to every row.
   *
   * @param input `[…, inFeatures]` of any rank from 1; float32, float16 or bfloat16.
   *
   * The result is `[…, outFeatures]` in the input's dtype, computed in float32 and rounded once. Before the activation its
   * error is at most (inFeatures + 1) · 2^-24 · (Σ |input · weight| + |bias|), typically its square root's; the functions
   * `gelu`, `silu` and `relu` state what they add. A row's bits don't depend on the other rows.
   *
   * Throws a TypeError for wrong kinds and a disposed module, a RangeError for another width and for lack of memory.
   */
  forward(input: TensorLike): Tensor<FloatDType> {
    const layer = rawModule(this);
    return layer.#projection.apply(layer.requireUsable("forward"), input);
  }

  override dispose(): void {
    super.dispose();
    rawModule(this).#projection.dispose();
  }

  protected override parametersChanged(): void {
    rawModule(this).#projection.repack();
  }
}

function pack({ weight, bias, outFeatures, activation }: Linear): Projection {
  const parameters = { weight, weightRow: 0, bias, biasRow: 0, outFeatures };
  return scope(() => {
    const projection = new Projection(NAME, parameters, activation);
    projection.keep();
    return projection;
  });
}
