/** The training whose bits the matrix compares between hosts is the same each time, and leaves nothing behind. */
import { expect, it } from "vitest";
import { memoryUsage } from "../../../ts/entry/default.js";
import { forEachArithmetic } from "../../support/arithmetics.js";
import { expectNoMore } from "../../support/without-leak.js";
import { wholeRun } from "./whole-run.js";

forEachArithmetic(() => {
  it("has the same bits again", async () => {
    const before = memoryUsage().bytesInUse;
    const run = await wholeRun();
    expect(run.every(Number.isFinite)).toBe(true);
    expect(await wholeRun()).toEqual(run);
    expectNoMore(before);
  });
});
