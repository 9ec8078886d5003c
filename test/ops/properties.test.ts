/** Every operation against its float64 oracle, within its stated error: drawn shapes, dtypes and options. */
import fc from "fast-check";
import { describe, it } from "vitest";
import { operations } from "../cases/operations.js";
import { forEachArithmetic } from "../support/arithmetics.js";
import { expectWithin } from "../support/expect-within.js";
import { withoutLeak } from "../support/without-leak.js";

forEachArithmetic(() => {
  describe("is within the stated error of the oracle", () => {
    for (const { name, property } of operations) {
      if ("suite" in property) continue;
      it(name, () => {
        fc.assert(
          fc.property(property.trials, ({ run, dtype, shape, expected, tolerance }) => {
            withoutLeak(() => expectWithin(run(), dtype, shape, expected, tolerance));
          }),
          { numRuns: property.numRuns },
        );
      });
    }
  });
});
