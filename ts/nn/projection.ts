import type { Activation } from "../ops/activation.js";
import {
  createPackedLinear,
  linearPacked,
  type LinearParameters,
  packLinear,
  type PackedLinear,
} from "../ops/linear.js";
import type { TensorLike } from "../ops/operand.js";
import type { FloatDType } from "../tensor/dtype.js";
import { keep } from "../tensor/scope.js";
import type { Tensor } from "../tensor/tensor.js";

/** A linear layer that is packed once, and again when its parameters have changed. */
export class Projection {
  readonly #operation: string;
  readonly #parameters: LinearParameters;
  readonly #packed: PackedLinear;

  /** Its memory belongs to the open scope until `keep`. */
  constructor(operation: string, parameters: LinearParameters, activation?: Activation) {
    this.#operation = operation;
    this.#parameters = parameters;
    this.#packed = createPackedLinear(operation, parameters, activation);
    this.repack();
  }

  /** Takes its memory out of all scopes. */
  keep(): void {
    keep(this.#packed.weight);
    if (this.#packed.bias !== undefined) keep(this.#packed.bias);
  }

  /** `[…, outFeatures]` of rows `[…, inFeatures]`, in their dtype. The result belongs to the open scope. */
  apply(operation: string, input: TensorLike): Tensor<FloatDType> {
    return linearPacked(operation, "input", input, this.#packed);
  }

  /** Packs the parameters as they are now. In place: there is nothing that could fail for lack of memory. */
  repack(): void {
    packLinear(this.#operation, this.#packed, this.#parameters);
  }

  /** Gives the memory back. */
  dispose(): void {
    this.#packed.weight.dispose();
    this.#packed.bias?.dispose();
  }
}
