/** rotaryEmbedding: exact angles at large positions, dynamic lengths, and what turning means. */
import { expect, it } from "vitest";
import { type RopeScaling, rotaryEmbedding } from "../../ts/entry/default.js";
import { given, randomOperand } from "../cases/layer-operands.js";
import { floats } from "../cases/operation.js";
import exact from "../cases/rotary-angles.json";
import { valuesOf } from "../conformance/records.js";
import { forEachArithmetic } from "../support/arithmetics.js";
import { withoutLeak } from "../support/without-leak.js";

forEachArithmetic(() => {
  it.each(exact.cases.map((row) => [JSON.stringify(row.ropeScaling), row] as const))(
    "has exact angles at large positions: %s",
    (_, { size, base, ropeScaling, attentionFactor, frequencies, cosine, sine }) => {
      withoutLeak(() => {
        const pairs = size / 2;
        // Pairs (1, 0), so that the result is the cosines and the sines.
        const input = (rows: number): { data: Float32Array; shape: number[] } => ({
          data: Float32Array.from({ length: rows * size }, (_, at) => Number(at % size < pairs)),
          shape: [rows, size],
        });
        const options = { base, ropeScaling: (ropeScaling ?? undefined) as RopeScaling | undefined };
        const { positions } = exact;
        const output = rotaryEmbedding(input(positions.length), { ...options, positionIds: positions });
        const values = valuesOf(output);
        values.forEach((actual, at) => {
          const [row, i] = [Math.floor(at / size), at % pairs];
          const truth = (at % size < pairs ? cosine : sine)[row][i];
          // One rounding to float32, and the error of the angle: none where the frequency is 1.
          const angleError = frequencies[i] === 1 ? 0 : positions[row] * 2 ** -51;
          const allowed = 2 ** -24 * 1.002 * Math.abs(truth) + attentionFactor * angleError;
          expect(Math.abs(actual - truth), `position ${positions[row]}, element ${at % size}`).toBeLessThanOrEqual(
            allowed,
          );
        });
        positions.forEach((position, row) => {
          const alone = rotaryEmbedding(input(1), { ...options, positionIds: position });
          expect(valuesOf(alone)).toEqual(values.slice(row * size, (row + 1) * size));
        });
      });
    },
  );

  it("takes the length of a call for dynamic frequencies, where none is given", () => {
    withoutLeak(() => {
      const turned = (positionIds: number | number[], sequenceLength?: number): number[] => {
        const ropeScaling = { ropeType: "dynamic", factor: 2, maxPositionEmbeddings: 6, sequenceLength } as const;
        return Array.from(rotaryEmbedding(floats(2, 3, 8), { positionIds, ropeScaling }).toArray());
      };
      expect(turned([3, 9, 1])).toEqual(turned([3, 9, 1], 10));
      expect(turned(8)).toEqual(turned(8, 11));
      expect(turned(8)).not.toEqual(turned(8, 12));
      expect(turned(0)).toEqual(turned(0, 6));
    });
  });

  it("turns by the position, and a position of 0 not at all", () => {
    withoutLeak(() => {
      const input = {
        data: [
          [1, 0],
          [1, 0],
          [0, 1],
        ],
        shape: [3, 2],
      };
      const [first, second, third] = rotaryEmbedding(input).toNested() as number[][];
      expect(first).toEqual([1, 0]);
      expect(second).toEqual([Math.cos(1), Math.sin(1)].map(Math.fround));
      expect(third).toEqual([-Math.sin(2), Math.cos(2)].map(Math.fround));
    });
  });

  it("gives the scores of the distance: q at p against k at p' depends on p − p' alone", () => {
    withoutLeak(() => {
      const [q, k] = [randomOperand(1, "float32", [1, 16]), randomOperand(2, "float32", [1, 16])];
      const turned = (operand: typeof q, position: number): Float32Array =>
        rotaryEmbedding(given(operand, false), { positionIds: [position] }).toArray() as Float32Array;
      const score = (p: number, other: number): number => {
        const key = turned(k, other);
        return turned(q, p).reduce((sum, x, n) => sum + x * key[n], 0);
      };
      expect(score(1007, 1000)).toBeCloseTo(score(7, 0), 4);
      expect(score(12, 5)).toBeCloseTo(score(7, 0), 5);
    });
  });
});
