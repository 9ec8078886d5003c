import type { Shape } from "./shape.js";
import { createTensor, type Tensor } from "./tensor.js";

/** A tensor of zeros. */
export function zeros(operation: string, shape: Shape): Tensor<"float32"> {
  const tensor = createTensor(operation, shape, "float32");
  tensor.view().fill(0);
  return tensor;
}
