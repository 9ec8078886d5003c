import { elementCount } from "../tensor/shape.js";
import { createTensor, type Tensor } from "../tensor/tensor.js";

/**
 * `[B, S + extra.length, …]`: float32 keys `[B, S, …]` followed, in every batch, by the same further ones: a tensor of so
 * many elements, or zeros for undefined. It belongs to the scope.
 */
export function appendKeys(operation: string, tensor: Tensor, extra: readonly (Tensor | undefined)[]): Tensor {
  const [batch, length, ...sizes] = tensor.shape;
  const width = elementCount(sizes);
  const appended = createTensor(operation, [batch, length + extra.length, ...sizes], "float32");
  const source = tensor.view() as Float32Array;
  const target = appended.view();
  const block = length * width;
  for (let b = 0; b < batch; b++) {
    let at = b * (length + extra.length) * width;
    target.set(source.subarray(b * block, (b + 1) * block), at);
    at += block;
    for (const key of extra) {
      if (key === undefined) target.fill(0, at, at + width);
      else target.set(key.view(), at);
      at += width;
    }
  }
  return appended;
}
