import { AttentionError, messageOf, outOfMemoryError } from "../errors.js";
import { version } from "../version.js";
import type * as glue from "../wasm/wasm_attention_bg.js";
import { arithmetics, INTERFACE_HASH } from "../wasm/interface.js";
import { policyError } from "./policy.js";
import { type Arithmetic, roundsOnce } from "./probes.js";

/** The exports of a WebAssembly build: numbers in, a number out. */
export type Kernels = Omit<typeof glue, "__wbg_set_wasm">;

/**
 * What a build imports. wasm-bindgen's glue would fill its table of JavaScript values here, and wrap each export; the
 * exports take and give numbers alone, so they are called as they are, and the glue serves for its types.
 */
const imports = { "./wasm_attention_bg.js": { __wbindgen_init_externref_table() {} } };

/** The exports of an instance. */
interface Exports extends Kernels {
  /** Tells builds of other exports, argument blocks or numbers. */
  readonly interface_hash: WebAssembly.Global;
  readonly memory: WebAssembly.Memory;
  __wbindgen_start?(): void;
}

/** An instance of a build that passed the checks. Nothing uses it before `start`. */
export interface Build {
  readonly arithmetic: Arithmetic;
  readonly memory: WebAssembly.Memory;
  readonly kernels: Kernels;
  /** Whether the host computes as the build's arithmetic says. */
  readonly isFaithful: boolean;
  /** Makes the instance ready to compute, in a memory that never grows beyond so many pages. */
  start(maximumPages: number): void;
}

function exportsOf(operation: string, module: WebAssembly.Module): Exports {
  let exports: Partial<Exports>;
  try {
    // Not asynchronously: `initSync` needs this way, and hosts that forbid the other scan for its name.
    exports = new WebAssembly.Instance(module, imports).exports;
  } catch (cause) {
    const blocked = policyError(operation, cause);
    if (blocked !== undefined) throw blocked;
    const text = messageOf(cause);
    // Engines throw it where the memory that a module starts with can't be had.
    if (cause instanceof RangeError) {
      throw outOfMemoryError(
        `${operation}: module: the host has no memory for it: ${text}; V8 reserves 10 GiB of address space as guard ` +
          "regions: where ulimit -v is less, raise it or start Node with --disable-wasm-trap-handler",
      );
    }
    throw new AttentionError("ERR_INVALID_MODULE", `${operation}: module: not a build of wasm-attention: ${text}`, {
      cause,
    });
  }
  if (exports.interface_hash === undefined) {
    throw new AttentionError(
      "ERR_INVALID_MODULE",
      `${operation}: module: not a build of wasm-attention: it exports no interface_hash`,
    );
  }
  return exports as Exports;
}

const hexadecimal = (word: number): string => word.toString(16).padStart(8, "0");

/** Makes an instance and checks that it is of this version. */
export function makeBuild(operation: string, module: WebAssembly.Module): Build {
  const exports = exportsOf(operation, module);
  const hash = Number(exports.interface_hash.value) >>> 0;
  if (hash !== INTERFACE_HASH) {
    throw new AttentionError(
      "ERR_VERSION_MISMATCH",
      `${operation}: module: expected a build with interface ${hexadecimal(INTERFACE_HASH)}, got one with ` +
        `${hexadecimal(hash)}: take separate.wasm or fused.wasm of wasm-attention ${version}`,
    );
  }
  const arithmetic: Arithmetic = exports.arithmetic() === arithmetics.fused ? "fused" : "separate";
  return {
    arithmetic,
    memory: exports.memory,
    kernels: exports,
    isFaithful: arithmetic === "separate" || roundsOnce((a, b, c) => exports.multiply_add(a, b, c)),
    start(maximumPages) {
      exports.__wbindgen_start?.();
      exports.set_memory_limit(maximumPages);
    },
  };
}
