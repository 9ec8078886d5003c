import { AttentionError, messageOf } from "../errors.js";

/**
 * The error for a host whose content security policy forbids WebAssembly, when that is what the engine says; else
 * undefined. Engines word the refusal differently and have no code for it. Chromium and Firefox refuse the bytes, WebKit
 * the instance.
 */
export function policyError(operation: string, cause: unknown): AttentionError | undefined {
  if (!/content security|blocked by csp|unsafe-eval/i.test(messageOf(cause))) return undefined;
  return new AttentionError(
    "ERR_BLOCKED_BY_CSP",
    `${operation}: a content security policy forbids WebAssembly: add 'wasm-unsafe-eval' to its script-src`,
    { cause },
  );
}
