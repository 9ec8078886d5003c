import type { FloatDType } from "../tensor/dtype.js";
import { elementCount } from "../tensor/shape.js";
import type { Tensor } from "../tensor/tensor.js";
import { activations } from "../wasm/interface.js";
import { runCall } from "./call.js";
import { describeFloat, type FloatOperand } from "./float-operand.js";
import type { TensorLike } from "./operand.js";

/**
 * A function that a layer applies to its output: `gelu`, `gelu` with `approximate: "tanh"`, `silu`, `relu`, `sigmoid`,
 * `tanh`.
 */
export type Activation = Exclude<keyof typeof activations, "identity">;

/** What the gradient of an activation depends on. */
export interface ActivationDetails {
  readonly x: FloatOperand;
  readonly activation: Activation;
}

/** An activation by its name, under the name that errors have. */
export function activate(operation: string, input: TensorLike, activation: Activation): Tensor<FloatDType> {
  const x = describeFloat(operation, "input", input);
  return runCall(operation, (call) => {
    const source = call.inputAsFloat32(x);
    const result = call.outputFromFloat32(x.shape, x.dtype, (output) =>
      call.kernel((kernels) => kernels.activation(output, source, elementCount(x.shape), activations[activation])),
    );
    return call.record<ActivationDetails, Tensor<FloatDType>>("activation", [x], result, { x, activation });
  });
}
