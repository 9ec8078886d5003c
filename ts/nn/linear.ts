import { checkBoolean, checkChoice, checkInteger, checkOptions } from "../arguments.js";
import { type Activation, activationCodes } from "../ops/activation.js";
import type { TensorLike } from "../ops/operand.js";
import { requireInstance } from "../runtime/instance.js";
import type { FloatDType } from "../tensor/dtype.js";
import { scope } from "../tensor/scope.js";
import type { Tensor } from "../tensor/tensor.js";
import { uniform } from "./initialization.js";
import { Module, type StateDict } from "./module.js";
import { Projection } from "./projection.js";

const NAME = "Linear";

/** Options of `Linear`. */
export interface LinearOptions {
  /** Add a learned bias. Default: true. */
  bias?: boolean;
  /** Applied to the sums while they are at hand: it saves reading and writing them once more. Default: none. */
  activation?: Activation;
}

const activations = Object.keys(activationCodes) as Activation[];

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
  readonly #inFeatures: number;
  readonly #outFeatures: number;
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
    if (activation !== undefined) checkChoice(NAME, "activation", activation, activations);
    super(NAME, () => createParameters(inFeatures, outFeatures, bias));
    this.#inFeatures = inFeatures;
    this.#outFeatures = outFeatures;
    try {
      this.#projection = this.#pack(activation);
    } catch (error) {
      super.dispose();
      throw error;
    }
  }

  /** Width of the inputs. */
  get inFeatures(): number {
    return this.#inFeatures;
  }

  /** Width of the outputs. */
  get outFeatures(): number {
    return this.#outFeatures;
  }

  /**
   * Applies the layer to every row.
   *
   * @param input `[…, inFeatures]` of any rank from 1; float32, float16 or bfloat16.
   *
   * The result is `[…, outFeatures]` in the input's dtype, computed in float32 and rounded once. Before the activation its
   * error is at most (inFeatures + 1) · 2^-24 · (Σ |input · weight| + |bias|), typically its square root's; the functions
   * `gelu`, `silu` and `relu` state what they add.
   *
   * Throws a TypeError for wrong kinds and a disposed module, a RangeError for another width and for lack of memory.
   */
  forward(input: TensorLike): Tensor<FloatDType> {
    const operation = `${NAME}.forward`;
    this.requireUsable(operation);
    return this.#projection.apply(operation, input);
  }

  override dispose(): void {
    super.dispose();
    this.#projection.dispose();
  }

  protected override parametersChanged(): void {
    this.#projection.repack();
  }

  #pack(activation: Activation | undefined): Projection {
    const { weight, bias } = this.stateDict() as { weight: Tensor; bias?: Tensor };
    const parameters = { weight, weightRow: 0, bias, biasRow: 0, outFeatures: this.#outFeatures };
    return scope(() => {
      const projection = new Projection(NAME, parameters, activation);
      projection.keep();
      return projection;
    });
  }
}
