/** logicalNot: every form of mask, exactly; what it gives is a tensor of its own. */
import fc from "fast-check";
import { expect, it } from "vitest";
import { logicalNot, type MaskLike, Tensor } from "../../ts/entry/default.js";
import "../../ts/entry/train.js";
import { forEachArithmetic } from "../support/arithmetics.js";
import { withoutLeak } from "../support/without-leak.js";

/** The same mask in every form that callers may give it. */
const forms: Readonly<Record<string, (rows: boolean[][]) => MaskLike>> = {
  booleans: (rows) => rows,
  "0 and 1": (rows) => rows.map((row) => row.map(Number)),
  bigints: (rows) => rows.map((row) => row.map((flag) => BigInt(Number(flag)))),
  "{ data, shape }": (rows) => ({ data: Uint8Array.from(rows.flat(), Number), shape: [rows.length, rows[0].length] }),
  "64-bit { data, shape }": (rows) => ({
    data: BigInt64Array.from(rows.flat(), (flag) => BigInt(Number(flag))),
    shape: [rows.length, rows[0].length],
  }),
  "a tensor": (rows) => Tensor.from(Uint8Array.from(rows.flat(), Number), [rows.length, rows[0].length]),
};

const masks = fc
  .tuple(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 70 }))
  .chain(([rows, columns]) =>
    fc.array(fc.array(fc.boolean(), { minLength: columns, maxLength: columns }), { minLength: rows, maxLength: rows }),
  );

forEachArithmetic(() => {
  it.each(Object.keys(forms))("turns every element: %s", (form) => {
    fc.assert(
      fc.property(masks, (rows) =>
        withoutLeak(() => {
          const result = logicalNot(forms[form](rows));
          expect(result.dtype).toBe("bool");
          expect(result.toNested()).toEqual(rows.map((row) => row.map((flag) => !flag)));
        }),
      ),
      { numRuns: 30 },
    );
  });

  it("takes any shape, and whatever isn't 0 for true", () => {
    withoutLeak(() => {
      expect(logicalNot(new Uint8Array(0)).shape).toEqual([0]);
      expect(logicalNot({ data: Uint8Array.of(0), shape: [] }).item()).toBe(true);
      const mask = Tensor.from(Uint8Array.of(1, 1, 0));
      mask.view().set([0, 7, 255]);
      expect(logicalNot(mask).toNested()).toEqual([true, false, false]);
    });
  });

  it("leaves its input as it is, and requires no gradient", () => {
    withoutLeak(() => {
      const mask = Tensor.from(Uint8Array.of(1, 0));
      const result = logicalNot(mask);
      result.view().fill(1);
      expect(mask.toNested()).toEqual([true, false]);
      expect(result.requiresGrad).toBe(false);
      expect(logicalNot(logicalNot(mask)).toNested()).toEqual([true, false]);
    });
  });
});
