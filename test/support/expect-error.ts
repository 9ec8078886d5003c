import { expect } from "vitest";
import { type AttentionError, type ErrorCode } from "../../ts/entry/default.js";

type ErrorClass = typeof TypeError | typeof RangeError | typeof AttentionError;

/** Fails unless `error` is of just this class, with this code and a message that matches. */
export function expectError(error: unknown, kind: ErrorClass, code: ErrorCode, message: RegExp): void {
  expect(error).toBeInstanceOf(Error);
  const { message: text } = error as Error;
  // Not by its constructor: in Vercel's edge VM the global TypeError is a proxy of it.
  expect(Object.getPrototypeOf(error) === kind.prototype, `${text}: ${String(error)} is no ${kind.name}`).toBe(true);
  expect((error as { code?: unknown }).code, text).toBe(code);
  expect(text).toMatch(message);
}

/** Fails unless `call` throws such an error. Returns it. */
export function expectThrows(call: () => unknown, kind: ErrorClass, code: ErrorCode, message: RegExp): unknown {
  let result: unknown;
  try {
    result = call();
  } catch (error) {
    expectError(error, kind, code, message);
    return error;
  }
  throw new Error(`nothing was thrown, but returned: ${String(result)}`);
}

/** Fails unless `promise` rejects with such an error. Returns it. */
export async function expectRejects(
  promise: Promise<unknown>,
  kind: ErrorClass,
  code: ErrorCode,
  message: RegExp,
): Promise<unknown> {
  let result: unknown;
  try {
    result = await promise;
  } catch (error) {
    expectError(error, kind, code, message);
    return error;
  }
  throw new Error(`nothing was thrown, but returned: ${String(result)}`);
}
