import { expect } from "vitest";
import { type AttentionError, type ErrorCode } from "../ts/entry/default.js";

type ErrorClass = typeof TypeError | typeof RangeError | typeof AttentionError;

/** Fails unless `error` is of just this class, with this code and a message that matches. */
export function expectError(error: unknown, kind: ErrorClass, code: ErrorCode, message: RegExp): void {
  expect(error).toBeInstanceOf(Error);
  const { constructor, message: text } = error as Error;
  expect({ constructor, code: (error as { code?: unknown }).code }, text).toEqual({ constructor: kind, code });
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
