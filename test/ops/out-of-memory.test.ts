/**
 * Every operation when memory ends, at whichever of its allocations: a RangeError, nothing left behind, and the same
 * call works when there is room again.
 */
import { afterAll, beforeAll, expect, it } from "vitest";
import { init, memoryUsage, type Runtime, Tensor } from "../../ts/entry/default.js";
import type { Disposable } from "../cases/operation.js";
import { operations } from "../cases/operations.js";
import { expectError } from "../support/expect-error.js";

const LIMIT = 4 * 2 ** 20;
const STEP = 4 * 1024;

let runtime: Runtime;
beforeAll(async () => {
  runtime = await init({ maximumMemory: LIMIT });
});
afterAll(() => runtime.dispose());

/** Whether there is memory for the call. No scope: what it leaves behind shows. */
function attempt(run: () => readonly Disposable[]): boolean {
  const before = memoryUsage().bytesInUse;
  try {
    for (const result of run()) result.dispose();
    return true;
  } catch (error) {
    expectError(error, RangeError, "ERR_OUT_OF_MEMORY", /out of memory/);
    return false;
  } finally {
    expect(memoryUsage().bytesInUse).toBe(before);
  }
}

it.each(operations.flatMap(({ memory }) => Object.entries(memory)))("%s", (_, run) => {
  const outcomes: boolean[] = [];
  const ballast: Tensor[] = [];
  try {
    // A step at a time, until nothing is left.
    for (;;) {
      outcomes.push(attempt(run));
      ballast.push(Tensor.from(new Uint8Array(STEP)));
    }
  } catch (error) {
    expectError(error, RangeError, "ERR_OUT_OF_MEMORY", /^Tensor.from: out of memory/);
  } finally {
    for (const tensor of ballast) tensor.dispose();
  }
  // It works while there is room, and never once there is too little.
  expect(outcomes).toContain(true);
  expect(outcomes).toContain(false);
  expect(outcomes.indexOf(false)).toBe(outcomes.lastIndexOf(true) + 1);
  expect(attempt(run)).toBe(true);
});
