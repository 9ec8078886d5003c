import type { Kernels } from "./build.js";
import { fail, requireInstance } from "./instance.js";

/**
 * Runs one export. Whatever it throws (a trap, an exhausted stack) may have left the memory in any state, so the
 * runtime is marked as failed.
 */
export function callKernel<R>(operation: string, invoke: (kernels: Kernels) => R): R {
  const instance = requireInstance(operation);
  try {
    return invoke(instance.kernels);
  } catch (cause) {
    throw fail(operation, instance, cause);
  }
}

/** As `callKernel`, of an export that answers a size or a pointer. */
export const kernelSize = (operation: string, invoke: (kernels: Kernels) => number): number =>
  // WebAssembly's 32-bit words come out signed: pointers from 2 GiB on would be negative.
  callKernel(operation, invoke) >>> 0;
