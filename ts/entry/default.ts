import { compileBytes, moduleFromSource } from "../runtime/compile.js";
import { hostFuses } from "../runtime/fusion-probe.js";
import { initialize, type Runtime } from "../runtime/instance.js";
import type { ModuleLoader } from "../runtime/module.js";
import { type InitOptions, LARGEST_MEMORY } from "../runtime/options.js";
import builds from "../wasm/builds.bytes.js";
import { arithmetics } from "../wasm/interface.js";
import { unpack } from "./unpack.js";

export * from "../surface.js";
export * from "./io.js";
export * from "./attention.js";

/** All builds travel in the JavaScript itself, so that no host needs a file, a fetch or a bundler's help. */
const inlined: ModuleLoader = {
  maximumMemory: LARGEST_MEMORY,
  fuses: hostFuses,
  load: async (arithmetic) => compileBytes(await unpack(builds, arithmetics[arithmetic])),
  fromSource: moduleFromSource,
};

/**
 * Makes the runtime that all operations use; after it they are synchronous. Takes the fused arithmetic where the host
 * really fuses multiply and add, else the separate one. A later call returns the same runtime, unless an option
 * contradicts it.
 *
 * @example
 * ```js
 * import { init } from "wasm-attention";
 *
 * const runtime = await init();
 * console.log(runtime.arithmetic); // "fused" where the host fuses
 * ```
 *
 * @param options All have defaults.
 * @returns The runtime, of which there is one at a time.
 * @throws {TypeError | RangeError} for wrong options.
 * @throws {AttentionError} when the host lacks WebAssembly or SIMD, or forbids it, when `module` is not a build of this version,
 *   or when options contradict the runtime that there is (until `runtime.dispose()`).
 */
export function init(options?: InitOptions): Promise<Runtime> {
  return initialize(inlined, options);
}
