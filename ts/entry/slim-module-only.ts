// The entry without any WebAssembly, for hosts that make modules of `.wasm` files alone.
import { initialize, type Runtime } from "../runtime/instance.js";
import type { ModuleLoader } from "../runtime/module.js";
import type { InitSyncOptions } from "../runtime/options.js";
import { MAXIMUM_MEMORY, requireModule } from "./module-only.js";

export * from "../surface.js";
export { initSync } from "./module-only.js";

/** What this entry's `init` takes: the module is the user's. */
export type SlimInitOptions = InitSyncOptions;

const nothingOwn: ModuleLoader = {
  maximumMemory: MAXIMUM_MEMORY,
  fuses: () => false,
  // The error for a missing module, as for any other wrong one.
  load: () => requireModule(undefined),
  fromSource: requireModule,
};

/**
 * Makes the runtime that all operations use, from a module that the host has made of `separate.wasm` or `fused.wasm`;
 * after it they are synchronous. A later call returns the same runtime, unless an option contradicts it.
 *
 * @param options The module, and what has a default.
 * @returns The runtime, of which there is one at a time.
 * @throws {TypeError | RangeError} for wrong options.
 * @throws {AttentionError} when the host lacks what the module needs, when it is not a build of this version, or
 *   when options contradict the runtime that there is (until `runtime.dispose()`).
 */
export function init(options: SlimInitOptions): Promise<Runtime> {
  return initialize(nothingOwn, options);
}
