import { requireDone } from "../arguments.js";
import { typeError } from "../errors.js";

/** Whether calls are recorded; "watching": only whether there are some that would be. */
export type Mode = "recording" | "watching" | "off";

let mode: Mode = "recording";
let hasSeen = false;

/** Whether a call is to be recorded, of which `requires` tells whether an input requires gradients. */
export function isRecorded(requires: () => boolean): boolean {
  if (mode === "off") return false;
  if (mode === "recording") return requires();
  hasSeen ||= requires();
  return false;
}

export const isRecording = (): boolean => mode === "recording";

/** Runs `fn` in a mode. */
export function inMode<R>(wanted: Mode, fn: () => R): R {
  const before = mode;
  mode = wanted;
  try {
    return fn();
  } finally {
    mode = before;
  }
}

/** Runs `fn` without recording, and tells whether a call in it required gradients. */
export function watch<R>(fn: () => R): { result: R; requiresGrad: boolean } {
  const before = hasSeen;
  hasSeen = false;
  try {
    const result = inMode("watching", fn);
    return { result, requiresGrad: hasSeen };
  } finally {
    hasSeen ||= before;
  }
}

/**
 * Runs `fn` without recording: what it computes requires no gradients, and saves nothing for them. As PyTorch's `no_grad`.
 *
 * @example
 * ```js
 * import { init, Linear } from "wasm-attention";
 * import { noGrad } from "wasm-attention/train";
 *
 * await init();
 * const layer = new Linear(2, 1);
 * console.log(noGrad(() => layer.forward({ data: [1, 2], shape: [2] })).requiresGrad); // false
 * ```
 *
 * @param fn A function that is done when it returns.
 * @returns What `fn` returns.
 * @throws {TypeError} when `fn` is no function or returns a promise.
 * @throws Whatever `fn` throws.
 */
export function noGrad<R>(fn: () => R): R {
  if (typeof fn !== "function") throw typeError("noGrad", "fn", "a function", fn);
  return requireDone("noGrad", "fn", inMode("off", fn));
}
