import { shapeError } from "../errors.js";
import { bytesPerElement, type FloatDType } from "../tensor/dtype.js";
import { checkShape, elementCount, type Shape } from "../tensor/shape.js";
import type { Tensor } from "../tensor/tensor.js";
import { broadcastAxes, broadcastShape } from "./broadcasting.js";
import { runCall } from "./call.js";
import { describeFloat, type FloatOperand } from "./float-operand.js";
import type { TensorLike } from "./operand.js";

/** A factor of a product: matrices, which may lie in memory transposed. */
export interface Factor {
  readonly operand: FloatOperand;
  /** `[…, rows, columns]` of the operand as it lies in memory. */
  readonly shape: Shape;
  readonly isTransposed?: boolean;
}

/** What the gradient of a product must know: the factors' shapes as matrices, and the product's. */
export interface MatmulDetails {
  readonly a: Shape;
  readonly b: Shape;
  readonly output: Shape;
}

/** Rows and columns of a factor, transposed or not. */
function matrixSizes({ shape, isTransposed = false }: Factor): [rows: number, columns: number] {
  const [rows, columns] = shape.slice(-2);
  return isTransposed ? [columns, rows] : [rows, columns];
}

/** The shape of a product. Throws a RangeError where the factors' shapes don't fit. */
function productShape(operation: string, a: Factor, b: Factor): Shape {
  const [[rows, depth], [otherDepth, columns]] = [matrixSizes(a), matrixSizes(b)];
  const { argument, shape } = b.operand;
  if (depth !== otherDepth) throw shapeError(operation, argument, `${depth} rows, as many as a has columns`, shape);
  const batch = broadcastShape(a.shape.slice(0, -2), b.shape.slice(0, -2));
  if (batch !== undefined) return checkShape(operation, argument, [...batch, rows, columns]);
  throw shapeError(operation, argument, `batches that broadcast with a's [${a.shape.slice(0, -2).join(", ")}]`, shape);
}

/** The product of matrices, of a shape for as many elements as it has and in a dtype. */
export function multiplyMatrices<D extends FloatDType>(
  operation: string,
  a: Factor,
  b: Factor,
  shape: Shape,
  dtype: D,
): Tensor<D> {
  const batch = broadcastShape(a.shape.slice(0, -2), b.shape.slice(0, -2)) ?? [];
  const [[rows, depth], [, columns]] = [matrixSizes(a), matrixSizes(b)];
  // All rows that meet the same matrix are those of one.
  const isFolded = a.isTransposed !== true && elementCount(b.shape.slice(0, -2)) === 1;
  const allRows = isFolded ? elementCount(batch) * rows : rows;
  const flags = [Number(a.isTransposed === true), Number(b.isTransposed === true)] as const;
  return runCall(operation, (call) => {
    const [x, y] = [call.inputAsFloat32(a.operand), call.inputAsFloat32(b.operand)];
    const length = call.kernelStatus((kernels) => kernels.matmul_scratch_length(allRows, depth, columns, ...flags));
    const scratch = call.temporary(length * bytesPerElement.float32);
    const axes = broadcastAxes(call, isFolded ? [] : batch, a.shape.slice(0, -2), b.shape.slice(0, -2));
    return call.outputFromFloat32(shape, dtype, (output) =>
      call.kernel((kernels) => kernels.matmul(output, x, y, scratch, ...axes, allRows, depth, columns, ...flags)),
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
  const output = productShape(operation, x, y);
  const [rows, columns] = output.slice(-2);
  const shape = [...output.slice(0, -2), ...(isRow ? [] : [rows]), ...(isColumn ? [] : [columns])];
  return runCall(operation, (call) => {
    const product = multiplyMatrices(operation, x, y, shape, first.dtype);
    return call.record("matmul", [first, second], product, { a: x.shape, b: y.shape, output } satisfies MatmulDetails);
  });
}
