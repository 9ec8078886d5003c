import { Tensor } from "../../ts/entry/default.js";

/** A leaf that requires gradients. */
export function leaf(data: number[], shape: readonly number[] = [data.length]): Tensor<"float32"> {
  const tensor = Tensor.from(Float32Array.from(data), shape);
  tensor.requiresGrad = true;
  return tensor;
}
