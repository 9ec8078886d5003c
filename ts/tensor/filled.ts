import type { Shape } from "./shape.js";
import { createTensor, type Tensor } from "./tensor.js";

/** A tensor whose elements are all the same. */
export function filled(operation: string, shape: Shape, value: number): Tensor<"float32"> {
  const tensor = createTensor(operation, shape, "float32");
  tensor.view().fill(value);
  return tensor;
}
