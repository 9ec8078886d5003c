/** What operations refuse: before any work, with nothing left behind, and the next call works. */
import { describe, expect, it } from "vitest";
import { memoryUsage } from "../../ts/entry/default.js";
import { operations } from "../cases/operations.js";
import { forEachArithmetic } from "../support/arithmetics.js";
import { expectThrowsWithoutLeak } from "../support/without-leak.js";

forEachArithmetic(() => {
  for (const { name, refusals, call } of operations) {
    if ("suite" in refusals) continue;
    describe(`${name} refuses`, () => {
      it.each(refusals)("%s", (_, refused, kind, code, message) => {
        const before = memoryUsage().bytesInUse;
        expectThrowsWithoutLeak(refused, kind, code, message);
        for (const result of call()) result.dispose();
        expect(memoryUsage().bytesInUse).toBe(before);
      });
    });
  }
});
