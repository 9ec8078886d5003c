// For Cloudflare's runtime, which makes modules of the `.wasm` files that a worker imports. With `?module` wrangler 3.80 doesn't
// find them, and esbuild by itself leaves it in their names.
import { initialize, type Runtime } from "../runtime/instance.js";
import fused from "../wasm/fused.wasm";
import separate from "../wasm/separate.wasm";
import { type ModuleOnlyInitOptions, loaderOfModules } from "./module-only.js";

export * from "../surface.js";
export * from "./io.js";
export * from "./attention.js";
export { initSync, type ModuleOnlyInitOptions } from "./module-only.js";

/**
 * Makes the runtime that all operations use; after it they are synchronous. Takes the fused arithmetic where the host
 * really fuses multiply and add, else the separate one. A later call returns the same runtime, unless an option
 * contradicts it.
 *
 * @param options All have defaults.
 * @returns The runtime, of which there is one at a time.
 * @throws {TypeError | RangeError} for wrong options.
 * @throws {AttentionError} when the host's WebAssembly has no SIMD, when `module` is not a build of this version,
 *   or when options contradict the runtime that there is (until `runtime.dispose()`).
 */
export function init(options?: ModuleOnlyInitOptions): Promise<Runtime> {
  return initialize(loaderOfModules({ separate, fused }), options);
}
