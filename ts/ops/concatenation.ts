import { runCall } from "./call.js";
import { float32View } from "../runtime/memory.js";
import { bytesPerElement } from "../tensor/dtype.js";
import { elementCount } from "../tensor/shape.js";
import { pointerOf, type Tensor } from "../tensor/tensor.js";
import { describe } from "./operand.js";

/** What the gradient of `appendRows` needs of a call. */
export interface AppendRowsDetails {
  readonly batch: number;
  readonly length: number;
  /** The rows with the extra ones. */
  readonly all: number;
  readonly columns: number;
  readonly isBatchFirst: boolean;
}

/**
 * `[B, L + extra.length, …]` of float32 rows `[B, L, …]`, or `[L + extra.length, B, …]` of `[L, B, …]` when `isBatchFirst` is
 * false: followed, in every batch, by the same extra rows: a tensor of so many elements, or zeros for undefined. It belongs to
 * the scope.
 */
export function appendRows(
  operation: string,
  rows: Tensor,
  extra: readonly (Tensor<"float32"> | undefined)[],
  isBatchFirst: boolean,
): Tensor {
  const [outer, inner, ...sizes] = rows.shape;
  const [batch, length] = isBatchFirst ? [outer, inner] : [inner, outer];
  const all = length + extra.length;
  const columns = elementCount(sizes);
  const inputs = [rows, ...extra].map((input) => input && describe(operation, "rows", input));
  const details: AppendRowsDetails = { batch, length, all, columns, isBatchFirst };
  return runCall(operation, (call) => {
    const output = call.output([...(isBatchFirst ? [batch, all] : [all, batch]), ...sizes], "float32");
    const appended = call.temporary(extra.length * columns * bytesPerElement.float32);
    const view = float32View(appended, extra.length * columns).fill(0);
    extra.forEach((row, index) => row && view.set(row.view(), index * columns));
    const [target, source] = [pointerOf(output), pointerOf(rows)];
    call.kernel((kernels) =>
      kernels.append_rows(target, source, appended, batch, length, extra.length, columns, Number(isBatchFirst)),
    );
    return call.record("appendRows", inputs, output, details);
  });
}
