import { checkInteger, checkOptions } from "../arguments.js";
import { shapeError } from "../errors.js";
import type { FloatDType } from "../tensor/dtype.js";
import { elementCount } from "../tensor/shape.js";
import { pointerOf, type Tensor } from "../tensor/tensor.js";
import { ABSENT, dtypes } from "../wasm/interface.js";
import { runCall } from "./call.js";
import { describeFloat } from "./float-operand.js";
import { type IndicesLike, readIndices } from "./indices.js";
import type { Operand, TensorLike } from "./operand.js";

const OPERATION = "embedding";

/** Options of `embedding`. */
export interface EmbeddingOptions {
  /** A row that is not learnt: its gradient is 0. -1 is the last. The look-up is the same. Default: none. */
  paddingIdx?: number;
}

/** What the gradient of `embedding` depends on. */
export interface EmbeddingDetails {
  readonly indices: Operand;
  readonly paddingIndex: number;
  readonly count: number;
  readonly rows: number;
  readonly columns: number;
}

/**
 * Rows of a table, bit for bit. As PyTorch's `embedding`, with the same order of arguments.
 *
 * @example
 * ```js
 * import { embedding, init } from "wasm-attention";
 *
 * await init();
 * const table = { data: [0, 0, 1, 1, 2, 2], shape: [3, 2] };
 * console.log(embedding([2, 0], table).toNested()); // [[2, 2], [0, 0]]
 * ```
 *
 * @param indices Any shape; integers from 0 to rows − 1, as an int32 tensor, a typed array (of 64 bits too, as
 *   tokenizers give them) or (nested) arrays of numbers or bigints.
 * @param weight `[rows, columns]`; float32, float16 or bfloat16.
 * @param options A row without a gradient.
 * @returns `[...indices.shape, columns]` in the weight's dtype.
 * @throws {TypeError} for indices that aren't integers, and for another dtype.
 * @throws {RangeError} for an index or a paddingIdx without a row, for a weight of another rank, and for lack of memory.
 */
export function embedding(indices: IndicesLike, weight: TensorLike, options?: EmbeddingOptions): Tensor<FloatDType> {
  const { paddingIdx } = checkOptions(OPERATION, options, ["paddingIdx"]);
  const table = describeFloat(OPERATION, "weight", weight);
  if (table.shape.length !== 2) throw shapeError(OPERATION, "weight", "shape [rows, columns]", table.shape);
  const [rows, columns] = table.shape;
  const { operand } = readIndices(OPERATION, "indices", indices, rows);
  const count = elementCount(operand.shape);
  if (paddingIdx !== undefined) checkInteger(OPERATION, "paddingIdx", paddingIdx, -rows, rows - 1);
  const paddingIndex = paddingIdx === undefined ? ABSENT : paddingIdx < 0 ? paddingIdx + rows : paddingIdx;

  return runCall(OPERATION, (call) => {
    const output = call.output([...operand.shape, columns], table.dtype);
    const picked = call.input(operand);
    const source = call.input(table);
    call.kernel((kernels) =>
      kernels.embedding(pointerOf(output), source, picked, count, rows, columns, dtypes[table.dtype]),
    );
    const details: EmbeddingDetails = { indices: operand, paddingIndex, count, rows, columns };
    return call.record(OPERATION, [table], output, details);
  });
}
