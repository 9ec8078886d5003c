import { shapeError } from "../errors.js";
import { bytesPerElement, type FloatDType } from "../tensor/dtype.js";
import { checkShape, elementCount, type Shape } from "../tensor/shape.js";
import type { Tensor } from "../tensor/tensor.js";
import { transpositions } from "../wasm/interface.js";
import { broadcastAxes, requireBroadcast } from "./broadcasting.js";
import { runCall } from "./call.js";
import { describeFloat, type FloatOperand } from "./float-operand.js";
import type { TensorLike } from "./operand.js";

/** A factor of a product: matrices, and the shape of them `[…, rows, columns]` as they lie in memory. */
export interface Factor {
  readonly operand: FloatOperand;
  readonly shape: Shape;
}

/** What the gradient of a product must know: the factors' shapes as matrices, and the product's. */
export interface MatmulDetails {
  readonly a: Shape;
  readonly b: Shape;
  readonly output: Shape;
}

const batchOf = (shape: Shape): Shape => shape.slice(0, -2);

/** The product of matrices, which has the shape `output`; as a tensor of another shape where one is given. */
export function multiplyMatrices<D extends FloatDType>(
  operation: string,
  a: Factor,
  b: Factor,
  output: Shape,
  dtype: D,
  transposed: keyof typeof transpositions = "neither",
  shape = output,
): Tensor<D> {
  const [rows, columns] = output.slice(-2);
  const depth = a.shape[a.shape.length - (transposed === "first" ? 2 : 1)];
  // All rows that meet the same matrix are those of one.
  const isFolded = transposed !== "first" && elementCount(batchOf(b.shape)) === 1;
  const batch = isFolded ? [] : batchOf(output);
  const allRows = isFolded ? elementCount(output.slice(0, -1)) : rows;
  const code = transpositions[transposed];
  return runCall(operation, (call) => {
    const [x, y] = [call.inputAsFloat32(a.operand), call.inputAsFloat32(b.operand)];
    const length = call.kernelSize((kernels) => kernels.matmul_scratch_length(allRows, depth, columns, code));
    const scratch = call.temporary(length * bytesPerElement.float32);
    const axes = broadcastAxes(call, batch, batchOf(a.shape), batchOf(b.shape));
    return call.outputFromFloat32(shape, dtype, (product) =>
      call.kernel((kernels) => kernels.matmul(product, x, y, scratch, ...axes, allRows, depth, columns, code)),
    );
  });
}

/**
 * The product of two tensors as PyTorch's `matmul`: of matrices, of every pair of matrices in two batches, which are broadcast, or of
 * a vector, which counts as a row before a matrix, as a column behind it, without that axis in the result.
 *
 * Computed in float32: the error is at most 2^-24 · n · Σ |a · b|, with n the number of products in a sum, typically its square
 * root's. A row's bits don't depend on the other rows.
 *
 * @example
 * ```js
 * import { init, matmul } from "wasm-attention";
 *
 * await init();
 * const a = { data: [1, 2, 3, 4], shape: [2, 2] };
 * console.log(matmul(a, { data: [0, 1, 1, 0], shape: [2, 2] }).toNested()); // [[2, 1], [4, 3]]
 * console.log(matmul(a, { data: [1, 1], shape: [2] }).toNested()); // [3, 7]
 * ```
 *
 * @param a `[…, rows, n]` or `[n]`; float32, float16 or bfloat16.
 * @param b `[…, n, columns]` or `[n]`, of any float dtype.
 * @returns `[…, rows, columns]` in a's dtype; without rows or columns where a or b is a vector.
 * @throws {TypeError} for another dtype.
 * @throws {RangeError} for shapes that don't fit, among them that of a single number, and for lack of memory.
 */
export function matmul(a: TensorLike, b: TensorLike): Tensor<FloatDType> {
  const operation = "matmul";
  const [first, second] = [describeFloat(operation, "a", a), describeFloat(operation, "b", b)];
  for (const { argument, shape } of [first, second]) {
    if (shape.length === 0) throw shapeError(operation, argument, "a vector or matrices", shape);
  }
  const isRow = first.shape.length === 1;
  const isColumn = second.shape.length === 1;
  const x: Factor = { operand: first, shape: isRow ? [1, ...first.shape] : first.shape };
  const y: Factor = { operand: second, shape: isColumn ? [...second.shape, 1] : second.shape };
  const [rows, depth] = x.shape.slice(-2);
  const [otherDepth, columns] = y.shape.slice(-2);
  if (depth !== otherDepth) {
    throw shapeError(operation, "b", `${depth} rows, as many as a has columns`, second.shape);
  }
  const batch = requireBroadcast(operation, batchOf(x.shape), { argument: "b's batch", shape: batchOf(y.shape) });
  const output = checkShape(operation, "b", [...batch, rows, columns]);
  const shape = [...batch, ...(isRow ? [] : [rows]), ...(isColumn ? [] : [columns])];
  return runCall(operation, (call) => {
    const product = multiplyMatrices(operation, x, y, output, first.dtype, "neither", shape);
    return call.record("matmul", [first, second], product, { a: x.shape, b: y.shape, output } satisfies MatmulDetails);
  });
}
