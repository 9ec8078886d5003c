// Common to the entries for hosts that make modules of `.wasm` files when they deploy and of nothing later. What these
// entries reach must not even name a way to make one of bytes: Next.js refuses to build such a text.
import { typeError } from "../errors.js";
import { initializeSync, type Runtime } from "../runtime/instance.js";
import { isModule, type ModuleLoader } from "../runtime/module.js";
import type { InitSyncOptions } from "../runtime/options.js";
import { acceptsRelaxedSimd, type Arithmetic } from "../runtime/probes.js";

/** What `init` takes on hosts that make modules of files alone; everything has a default. */
export type ModuleOnlyInitOptions = Partial<InitSyncOptions>;

/** In bytes. These hosts end a worker at 128 MB, without an error that it could catch. */
export const MAXIMUM_MEMORY = 100 * 2 ** 20;

/** Gives the module back. Throws a TypeError for anything else. */
export function requireModule(value: unknown): Promise<WebAssembly.Module> {
  if (isModule(value)) return Promise.resolve(value as WebAssembly.Module);
  throw typeError("init", "module", "a WebAssembly.Module, since this host makes none of bytes", value);
}

/** A loader of the modules that the host has made of the package's files. */
export const loaderOfModules = (modules: Readonly<Record<Arithmetic, WebAssembly.Module>>): ModuleLoader => ({
  maximumMemory: MAXIMUM_MEMORY,
  // Whether it fuses as well, the fused build shows once it is there.
  fuses: acceptsRelaxedSimd,
  load: (arithmetic) => Promise.resolve(modules[arithmetic]),
  fromSource: requireModule,
});

/**
 * Makes the runtime at once, from a module that the host has made. A later call returns the same runtime, unless an
 * option contradicts it.
 *
 * @param options The module, and what has a default.
 * @returns The runtime, of which there is one at a time.
 * @throws {TypeError | RangeError} for wrong options.
 * @throws {AttentionError} when the host lacks what the module needs, when it is not a build of this version, when options
 *   contradict the runtime that there is, or while an `init` is under way.
 */
export const initSync = (options: InitSyncOptions): Runtime => initializeSync(options, MAXIMUM_MEMORY);
