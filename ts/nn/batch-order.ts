import { createTensor, type Tensor } from "../tensor/tensor.js";

/**
 * `[N, M, width]` of a float32 tensor `[M, N, width]`: from batch second to batch first, and back. A copy, unless one of
 * the axes is 1 and the elements lie in the right order already. What it creates belongs to the scope.
 */
export function exchangeBatch(operation: string, tensor: Tensor): Tensor {
  const [outer, inner, width] = tensor.shape;
  if (outer === 1 || inner === 1) return tensor.reshape([inner, outer, width]);
  const exchanged = createTensor(operation, [inner, outer, width], "float32");
  const source = tensor.view() as Float32Array;
  const target = exchanged.view();
  for (let m = 0; m < outer; m++) {
    for (let n = 0; n < inner; n++) {
      const start = (m * inner + n) * width;
      target.set(source.subarray(start, start + width), (n * outer + m) * width);
    }
  }
  return exchanged;
}
