// Without any WebAssembly: the user hands it over, and ships one file instead of both.
import { moduleFromSource } from "../runtime/compile.js";
import { initialize, type Runtime } from "../runtime/instance.js";
import type { ModuleLoader } from "../runtime/module.js";
import { type InitOptions, LARGEST_MEMORY } from "../runtime/options.js";

export * from "../surface.js";

/** What this entry's `init` takes: the module is the user's. */
export type SlimInitOptions = InitOptions & Required<Pick<InitOptions, "module">>;

const nothingOwn: ModuleLoader = {
  maximumMemory: LARGEST_MEMORY,
  fuses: () => false,
  // The error for a missing module, as for any other wrong one.
  load: () => moduleFromSource(undefined),
  fromSource: moduleFromSource,
};

/**
 * Makes the runtime that all operations use, from `separate.wasm` or `fused.wasm` of this package; after it they are
 * synchronous. A later call returns the same runtime, unless an option contradicts it.
 *
 * @param options The module, and what has a default.
 * @returns The runtime, of which there is one at a time.
 * @throws {TypeError | RangeError} for wrong options.
 * @throws {AttentionError} when the host lacks WebAssembly or what the module needs, or forbids it, when it is not a build of this version, or
 *   when options contradict the runtime that there is (until `runtime.dispose()`).
 */
export function init(options: SlimInitOptions): Promise<Runtime> {
  return initialize(nothingOwn, options);
}
