import type { Kernels } from "./build.js";
import { fail, requireInstance } from "./instance.js";

/**
 * Runs one export. Whatever it throws (a trap, an exhausted stack) may have left the memory in any state, so the
 * runtime is marked as failed.
 */
export function callKernel(operation: string, invoke: (kernels: Kernels) => number): number {
  const instance = requireInstance(operation);
  try {
    // WebAssembly's 32-bit words come out signed: pointers from 2 GiB on would be negative.
    return invoke(instance.kernels) >>> 0;
  } catch (cause) {
    throw fail(operation, instance, cause);
  }
}
