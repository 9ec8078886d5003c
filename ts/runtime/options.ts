import { checkBoolean, checkInteger, checkOptions } from "../arguments.js";
import { AttentionError } from "../errors.js";
import { kindOf } from "../kind.js";
import type { CompiledModule, ModuleSource } from "./module.js";
import type { Arithmetic } from "./probes.js";

export const PAGE_BYTES = 65536;
const SMALLEST_MEMORY = 2 ** 20;
/** What 32-bit pointers reach. */
export const LARGEST_MEMORY = 2 ** 32;

/** What `init` takes; everything has a default. */
export interface InitOptions {
  /** Run with separate arithmetic, whose results are the same bits on every host. Default: false, the faster one. */
  deterministic?: boolean;
  /**
   * The most bytes that the WebAssembly memory may take, up to 4 GiB; a build starts with a little over 1 MiB. Default:
   * 4 GiB; where `workerd` or `edge-light` chose the entry, 100 MiB.
   */
  maximumMemory?: number;
  /** A build of this package to run instead of the one that comes with the entry. */
  module?: ModuleSource | PromiseLike<ModuleSource>;
}

/** What `initSync` takes. */
export interface InitSyncOptions extends InitOptions {
  /** A compiled build of this package: `separate.wasm` or `fused.wasm`. */
  module: CompiledModule;
}

/** Options as they were given and found valid. */
export interface Settings {
  readonly deterministic: boolean | undefined;
  readonly maximumMemory: number | undefined;
  readonly module: unknown;
}

/** Checks the options of `init` or `initSync`. */
export function checkInitOptions(operation: string, options: InitOptions | undefined): Settings {
  const { deterministic, maximumMemory, module }: InitOptions = options ?? {};
  // Where `init` waits or throws before it asks for the module, a rejection of it would end the process, unheard.
  if (kindOf(module) === "Promise") (module as Promise<unknown>).catch(() => {});
  checkOptions(operation, options, ["deterministic", "maximumMemory", "module"]);
  if (deterministic !== undefined) checkBoolean(operation, "deterministic", deterministic);
  if (maximumMemory !== undefined) {
    checkInteger(operation, "maximumMemory", maximumMemory, SMALLEST_MEMORY, LARGEST_MEMORY);
  }
  return { deterministic, maximumMemory, module };
}

/**
 * Throws when options ask for something else than the runtime that there is. What isn't asked for contradicts nothing,
 * and `deterministic: true` asks for separate arithmetic, however it came to be chosen.
 */
export function refuseContradiction(
  operation: string,
  asked: Settings,
  running: Settings & { readonly arithmetic: Arithmetic; readonly maximumMemory: number },
): void {
  const isContradicted = {
    deterministic: asked.deterministic === true ? running.arithmetic !== "separate" : running.deterministic === true,
    maximumMemory: asked.maximumMemory !== running.maximumMemory,
    module: asked.module !== running.module,
  };
  for (const name of ["deterministic", "maximumMemory", "module"] as const) {
    if (asked[name] === undefined || !isContradicted[name]) continue;
    throw new AttentionError(
      "ERR_ALREADY_INITIALIZED",
      `${operation}: ${name}: there is a runtime already, with another value; end it by runtime.dispose() first`,
    );
  }
}
