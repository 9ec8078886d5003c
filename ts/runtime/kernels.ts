import * as glue from "../wasm/wasm_attention_bg.js";
import { fail, requireInstance } from "./instance.js";

/** The exports of the WebAssembly build: numbers in, a number out. */
export type Kernels = Omit<typeof glue, "__wbg_set_wasm">;

/**
 * Runs one export. Whatever it throws (a trap, an exhausted stack) may have left the memory in any state, so the
 * runtime is marked as failed.
 */
export function callKernel(operation: string, invoke: (kernels: Kernels) => number): number {
  const instance = requireInstance(operation);
  try {
    return invoke(glue);
  } catch (cause) {
    throw fail(operation, instance, cause);
  }
}
