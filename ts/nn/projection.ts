import { runCall } from "../ops/call.js";
import { linearPacked, packLinear, type PackedLinear } from "../ops/linear.js";
import { bytesPerElement } from "../tensor/dtype.js";
import { keep } from "../tensor/scope.js";
import { createTensor, pointerOf, type Tensor } from "../tensor/tensor.js";

/** The parameters of a projection: rows of a weight, which PyTorch may stack with others, and of a bias. */
export interface ProjectionSource {
  /** `[at least weightRow + outFeatures, inFeatures]` */
  readonly weight: Tensor;
  readonly weightRow: number;
  /** `[at least biasRow + outFeatures]` */
  readonly bias: Tensor | undefined;
  readonly biasRow: number;
  readonly outFeatures: number;
}

/** A linear layer that is packed once, and again when its parameters have changed. */
export class Projection {
  readonly #operation: string;
  readonly #source: ProjectionSource;
  readonly #packed: PackedLinear;

  /** Its memory belongs to the open scope until `keep`. */
  constructor(operation: string, source: ProjectionSource) {
    const { weight, weightRow, bias, outFeatures } = source;
    this.#operation = operation;
    this.#source = source;
    this.#packed = {
      ...packLinear(operation, weight, undefined, { start: weightRow, end: weightRow + outFeatures }),
      bias: bias && createTensor(operation, [outFeatures], "float32"),
    };
    this.#copyBias();
  }

  /** Takes its memory out of all scopes. */
  keep(): void {
    keep(this.#packed.weight);
    if (this.#packed.bias !== undefined) keep(this.#packed.bias);
  }

  /** `[…, outFeatures]` of float32 rows `[…, inFeatures]`. The result belongs to the open scope. */
  apply(input: Tensor): Tensor {
    return linearPacked(this.#operation, "input", input, this.#packed);
  }

  /** Packs the parameters as they are now. In place: there is nothing that could fail for lack of memory. */
  repack(): void {
    const { inFeatures, outFeatures, weight: packed } = this.#packed;
    const { weight, weightRow } = this.#source;
    const rows = pointerOf(weight) + weightRow * inFeatures * bytesPerElement.float32;
    runCall(this.#operation, (call) =>
      call.kernel((kernels) => kernels.linear_pack(pointerOf(packed), rows, inFeatures, outFeatures)),
    );
    this.#copyBias();
  }

  /** Gives the memory back. */
  dispose(): void {
    this.#packed.weight.dispose();
    this.#packed.bias?.dispose();
  }

  #copyBias(): void {
    const { bias, biasRow, outFeatures } = this.#source;
    const own = this.#packed.bias;
    if (bias === undefined || own === undefined) return;
    own.view().set((bias.view() as Float32Array).subarray(biasRow, biasRow + outFeatures));
  }
}
