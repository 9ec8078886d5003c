import type { AppendRowsDetails } from "../../ops/concatenation.js";
import { float32View } from "../../runtime/memory.js";
import { bytesPerElement } from "../../tensor/dtype.js";
import { elementCount } from "../../tensor/shape.js";
import { pointerOf } from "../../tensor/tensor.js";
import { gradientOf, type Rule } from "../rule.js";

const appendRows: Rule<AppendRowsDetails> = ({ inputs, needs, details }) => {
  const { batch, length, all, columns, isBatchFirst } = details;
  // output[b, i] = rows[b, i] for i < length, then the extra rows, the same in every batch
  return ([dy]) =>
    inputs.map((input, index) => {
      if (!needs[index] || input === undefined) return undefined;
      return gradientOf(input.shape, (call, pointer) => {
        const gradient = float32View(pointer, elementCount(input.shape));
        if (index > 0) {
          gradient.fill(0);
          const row = length + index - 1;
          for (let b = 0; b < batch; b++) {
            const start = (isBatchFirst ? b * all + row : row * batch + b) * columns;
            const addend = pointerOf(dy) + start * bytesPerElement.float32;
            call.kernel((kernels) => kernels.accumulate(pointer, addend, columns));
          }
          return;
        }
        // With the batch second, the rows are all at the beginning.
        const [pieces, rows, step] = isBatchFirst ? [batch, length, all] : [1, length * batch, 0];
        for (let piece = 0; piece < pieces; piece++) {
          const start = piece * step * columns;
          gradient.set(dy.view().subarray(start, start + rows * columns), piece * rows * columns);
        }
      });
    });
};

/** Of rows that are appended. */
export const concatenationRules = { appendRows };
