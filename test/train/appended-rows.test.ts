/** The gradients of rows that are appended, as attention's learned keys and values are: each is added up over the batches. */
import { describe, expect, it } from "vitest";
import { Tensor } from "../../ts/entry/default.js";
import "../../ts/entry/train.js";
import { appendRows } from "../../ts/ops/concatenation.js";
import { count, randomOperand } from "../cases/layer-operands.js";
import { forEachArithmetic } from "../support/arithmetics.js";
import { withoutLeak } from "../support/without-leak.js";

const random = (seed: number, shape: readonly number[]): Tensor<"float32"> =>
  Tensor.from(randomOperand(seed, "float32", shape).data as Float32Array, shape);

/** Of the sum of a batch's products with 1. */
const within = (actual: number, terms: readonly number[]): void => {
  const sum = terms.reduce((total, term) => total + term, 0);
  const size = terms.reduce((total, term) => total + Math.abs(term), 0);
  expect(Math.abs(actual - sum)).toBeLessThanOrEqual((terms.length + 2) * 2 ** -24 * size);
};

forEachArithmetic(() => {
  describe.each([true, false])("batch first: %s", (isBatchFirst) => {
    it.each([
      [3, 4, 5],
      [1, 1, 1],
      [7, 3, 2],
      [2, 0, 3],
      [0, 2, 3],
    ])("%i batches of %i rows of %i elements", (batch, length, columns) => {
      withoutLeak(() => {
        const axes = (rows: number): number[] => (isBatchFirst ? [batch, rows] : [rows, batch]);
        const rows = random(1, [...axes(length), columns]);
        const [first, last] = [random(2, [1, 1, columns]), random(3, [1, 1, columns])];
        for (const tensor of [rows, first, last]) tensor.requiresGrad = true;
        const output = appendRows("test", rows, [first, undefined, last], isBatchFirst);
        const dy = random(4, [...axes(length + 3), columns]);
        output.backward(dy);

        const at = (b: number, i: number, sizes: number): number =>
          (isBatchFirst ? b * sizes + i : i * batch + b) * columns;
        const gradient = dy.toArray();
        const ofRows = rows.grad?.toArray() ?? [];
        expect(ofRows.length).toBe(count(rows.shape));
        for (let b = 0; b < batch; b++) {
          for (let i = 0; i < length; i++) {
            for (let e = 0; e < columns; e++) {
              expect(ofRows[at(b, i, length) + e]).toBe(gradient[at(b, i, length + 3) + e]);
            }
          }
        }
        for (const [tensor, row] of [
          [first, length],
          [last, length + 2],
        ] as const) {
          expect(tensor.grad?.shape).toEqual(tensor.shape);
          tensor.grad?.toArray().forEach((sum, e) => {
            within(
              sum,
              Array.from({ length: batch }, (_, b) => gradient[at(b, row, length + 3) + e]),
            );
          });
        }
      });
    });

    it("only what is asked for has a gradient", () => {
      withoutLeak(() => {
        const [rows, extra] = [random(1, [2, 2, 3]), random(2, [1, 1, 3])];
        extra.requiresGrad = true;
        const output = appendRows("test", rows, [extra], isBatchFirst);
        output.backward(random(3, output.shape));
        expect(rows.grad).toBe(null);
        expect(extra.grad?.shape).toEqual([1, 1, 3]);
      });
    });
  });
});
