import { expect } from "vitest";
import { memoryUsage, scope } from "../../ts/entry/default.js";
import { expectThrows } from "./expect-error.js";

/** Runs a test in a scope, and fails when it leaves memory allocated. */
export function withoutLeak(run: () => void): void {
  const before = memoryUsage().bytesInUse;
  scope(() => run());
  expect(memoryUsage().bytesInUse, "bytes in use").toBe(before);
}

/**
 * Fails when more bytes are in use than `before`. For tests that wait for something: meanwhile the garbage collector may give back what
 * other tests have left.
 */
export function expectNoMore(before: number): void {
  expect(memoryUsage().bytesInUse, "bytes in use").toBeLessThanOrEqual(before);
}

/** As `expectThrows`; also fails when the call, without a scope, leaves memory allocated. */
export function expectThrowsWithoutLeak(...expectation: Parameters<typeof expectThrows>): unknown {
  const before = memoryUsage().bytesInUse;
  const error = expectThrows(...expectation);
  expect(memoryUsage().bytesInUse, "bytes in use").toBe(before);
  return error;
}
