import { typeError } from "../errors.js";
import type { DType } from "../tensor/dtype.js";
import type { Shape } from "../tensor/shape.js";
import { isTensorData, readTensorData, type Source, type TensorData } from "../tensor/source.js";
import { isTensor, refuseForeignTensor, requireUsable, type Tensor, tensorFromSource } from "../tensor/tensor.js";
import type { UnsupportedTensor } from "../tensor/unsupported-tensor.js";

/** Whatever an operation takes as a tensor. */
export type TensorLike = Tensor | TensorData;

/** An argument that has been checked. `Call.input` brings it into the WebAssembly memory, if it isn't there. */
export interface Operand {
  /** Its name in errors. */
  readonly argument: string;
  readonly shape: Shape;
  readonly dtype: DType;
  readonly content: Tensor | Source;
}

/**
 * Checks that an argument is a tensor, or what stands for one, without allocating anything. Throws a TypeError for the
 * wrong kind (a file's tensor of an unsupported dtype too), for a tensor that has been disposed or is of another copy of
 * this package, and for a detached array; a RangeError for a shape that doesn't fit the data.
 */
export function describe(
  operation: string,
  argument: string,
  value: TensorLike | UnsupportedTensor,
  expected = "a Tensor or { data, shape }",
): Operand {
  if (isTensor(value)) {
    requireUsable(operation, argument, value);
    return { argument, shape: value.shape, dtype: value.dtype, content: value };
  }
  refuseForeignTensor(operation, argument, value);
  if (!isTensorData(value)) throw typeError(operation, argument, expected, value);
  const source = readTensorData(operation, `${argument}.`, value);
  return { argument, shape: source.shape, dtype: source.dtype, content: source };
}

/** An operand as a tensor, of a dtype: the caller's own when it is one, else a new one that belongs to the scope. */
export function tensorOf(operation: string, { content }: Operand, dtype?: DType): Tensor {
  const tensor = isTensor(content) ? content : tensorFromSource(operation, content);
  return dtype === undefined || tensor.dtype === dtype ? tensor : tensor.to(dtype);
}
