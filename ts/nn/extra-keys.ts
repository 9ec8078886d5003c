import { elementCount } from "../tensor/shape.js";
import { createTensor, type Tensor } from "../tensor/tensor.js";

/**
 * `[B, S + extra.length, …]` of float32 keys `[B, S, …]`, or `[S + extra.length, B, …]` of `[S, B, …]` when `isBatchFirst`
 * is false: followed, in every batch, by the same extra ones: a tensor of so many elements, or zeros for undefined. It
 * belongs to the scope.
 */
export function appendKeys(
  operation: string,
  keys: Tensor,
  extra: readonly (Tensor | undefined)[],
  isBatchFirst: boolean,
): Tensor {
  const [outer, inner, ...sizes] = keys.shape;
  const shape = isBatchFirst ? [outer, inner + extra.length, ...sizes] : [outer + extra.length, inner, ...sizes];
  const width = elementCount(sizes);
  const appended = createTensor(operation, shape, "float32");
  const source = keys.view() as Float32Array;
  const target = appended.view();
  // With the batch second, all keys come before the first extra one, which then stands there once a batch.
  const [blocks, block, repeats] = isBatchFirst ? [outer, inner * width, 1] : [1, source.length, inner];
  let at = 0;
  for (let b = 0; b < blocks; b++) {
    target.set(source.subarray(b * block, (b + 1) * block), at);
    at += block;
    for (const key of extra) {
      for (let n = 0; n < repeats; n++) {
        if (key === undefined) target.fill(0, at, at + width);
        else target.set(key.view(), at);
        at += width;
      }
    }
  }
  return appended;
}
