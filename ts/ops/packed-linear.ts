import { bytesPerElement, type FloatDType } from "../tensor/dtype.js";
import { records } from "../tensor/recorder.js";
import { scope } from "../tensor/scope.js";
import { disposedByHand, releaseWhenCollected, Storage } from "../tensor/storage.js";
import { pointerOf, type Tensor, versionOf } from "../tensor/tensor.js";
import { activations } from "../wasm/interface.js";
import { activate, type Activation } from "./activate.js";
import { type Call, runCall } from "./call.js";
import { describeFloat, type FloatOperand } from "./float-operand.js";
import { checkInput, type LinearDetails, multiply, pack, packedLength } from "./linear.js";
import { type TensorLike, tensorOf } from "./operand.js";

/** The functions that a linear layer can apply to its output. */
export const activationNames = Object.keys(activations).filter((name) => name !== "identity") as Activation[];

/** The parameters of a linear layer: rows of a weight, which PyTorch may stack with others, and of a bias. */
export interface LinearParameters {
  /** `[at least weightRow + outFeatures, inFeatures]` */
  readonly weight: Tensor<"float32">;
  readonly weightRow: number;
  /** `[at least biasRow + outFeatures]` */
  readonly bias: Tensor<"float32"> | undefined;
  readonly biasRow: number;
  readonly outFeatures: number;
}

/** What an adapter makes of a layer's sums, before any activation: others, of the input, both in float32. */
export type LinearAdapter = (sums: Tensor, input: Tensor) => Tensor;

const pointerToRow = (tensor: Tensor, row: number, width: number, operation: string, argument: string): number =>
  pointerOf(tensor, operation, argument) + row * width * bytesPerElement.float32;

/**
 * A linear layer whose weight is packed for the kernel when it is first needed, and anew when its version tells that it
 * has changed. It owns the packed copy, not the parameters.
 */
export class PackedLinear {
  readonly parameters: LinearParameters;
  /** Undefined for none. */
  adapter: LinearAdapter | undefined;
  readonly #activation: Activation | undefined;
  #packed: Storage | undefined;
  /** The weight's when it was packed. */
  #version: number | undefined;

  constructor(parameters: LinearParameters, activation?: Activation) {
    this.parameters = parameters;
    this.#activation = activation;
  }

  /** As `linear`, with the activation; without one, the same bits. */
  apply(operation: string, input: TensorLike): Tensor<FloatDType> {
    const { weight, bias } = this.parameters;
    const x = describeFloat(operation, "input", input);
    checkInput(operation, x, weight.shape[1]);
    const w = describeFloat(operation, "weight", weight);
    const operands = [x, w, bias === undefined ? undefined : describeFloat(operation, "bias", bias)];
    const { adapter } = this;
    const activation = this.#activation;
    if (adapter === undefined && (activation === undefined || !records(operands))) {
      return this.#apply(operation, operands, x, x.dtype, activation);
    }
    // An adapter and the gradient of an activation need the sums: the same bits in several steps, which are recorded one by one.
    return scope(() => {
      let y: Tensor = this.#apply(operation, operands, x, "float32", undefined);
      if (adapter !== undefined) y = adapter(y, tensorOf(operation, x, "float32"));
      if (activation !== undefined) y = activate(operation, y, activation);
      return (x.dtype === "float32" ? y : y.to(x.dtype)) as Tensor<FloatDType>;
    });
  }

  /** Gives the packed copy's memory back, until it is needed again. */
  drop(): void {
    if (this.#packed === undefined) return;
    disposedByHand(this);
    this.#packed.release();
    this.#packed = undefined;
  }

  #apply(
    operation: string,
    operands: readonly (FloatOperand | undefined)[],
    input: FloatOperand,
    dtype: FloatDType,
    activation: Activation | undefined,
  ): Tensor<FloatDType> {
    const { weight, weightRow, bias, biasRow, outFeatures } = this.parameters;
    const inFeatures = weight.shape[1];
    return runCall(operation, (call) => {
      const biasPointer = bias === undefined ? 0 : pointerToRow(bias, biasRow, 1, operation, "bias");
      const packed = (): number => this.#pack(call, operation, inFeatures);
      const output = multiply(call, input, dtype, packed, biasPointer, activation, inFeatures, outFeatures);
      const details: LinearDetails = { weightRow, biasRow, outFeatures };
      return call.record("linear", operands, output, details);
    });
  }

  /** A pointer to the packed form of the weight as it is. */
  #pack(call: Call, operation: string, inFeatures: number): number {
    const { weight, weightRow, outFeatures } = this.parameters;
    const rows = pointerToRow(weight, weightRow, inFeatures, operation, "weight");
    if (this.#packed === undefined) {
      const length = packedLength(call, inFeatures, outFeatures);
      this.#packed = new Storage(operation, length * bytesPerElement.float32);
      releaseWhenCollected(this, this.#packed);
      this.#version = undefined;
    }
    const { pointer } = this.#packed;
    const version = versionOf(weight);
    if (version !== this.#version) {
      pack(call, pointer, rows, inFeatures, outFeatures);
      this.#version = version;
    }
    return pointer;
  }
}
