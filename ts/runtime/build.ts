import { AttentionError } from "../errors.js";
import { version } from "../version.js";
import * as glue from "../wasm/wasm_attention_bg.js";
import { type Arithmetic, roundsOnce } from "./probes.js";

/** The number of the exports' interface, as the Rust sources have it. */
export const ABI_VERSION = 2;
const ARITHMETICS: readonly Arithmetic[] = ["separate", "fused"];

/** What every build exports for the checks below, whatever its version. */
interface Exports {
  readonly memory: WebAssembly.Memory;
  abi_version(): number;
  arithmetic(): number;
  multiply_add(a: number, b: number, c: number): number;
  __wbindgen_start?(): void;
}

/** An instance of a build that passed the checks. Nothing uses it before `bind`. */
export interface Build {
  readonly arithmetic: Arithmetic;
  readonly memory: WebAssembly.Memory;
  /** Whether the host computes as the build's arithmetic says. */
  readonly isFaithful: boolean;
  /** Makes the kernels run on this instance, whose memory never grows beyond so many pages. */
  bind(maximumPages: number): void;
}

function exportsOf(operation: string, module: WebAssembly.Module): Exports {
  let exports: Partial<Exports>;
  try {
    // Not asynchronously: `initSync` needs this way, and hosts that forbid the other scan for its name.
    exports = new WebAssembly.Instance(module, { "./wasm_attention_bg.js": glue }).exports;
  } catch (cause) {
    const text = cause instanceof Error ? cause.message : String(cause);
    throw new AttentionError("ERR_INVALID_MODULE", `${operation}: module: not a build of wasm-attention: ${text}`, {
      cause,
    });
  }
  if (typeof exports.abi_version !== "function") {
    throw new AttentionError(
      "ERR_INVALID_MODULE",
      `${operation}: module: not a build of wasm-attention: it exports no abi_version`,
    );
  }
  return exports as Exports;
}

/** Makes an instance and checks that it is of this version. */
export function makeBuild(operation: string, module: WebAssembly.Module): Build {
  const exports = exportsOf(operation, module);
  const abi = exports.abi_version();
  const arithmetic = abi === ABI_VERSION ? ARITHMETICS[exports.arithmetic()] : undefined;
  if (arithmetic === undefined) {
    throw new AttentionError(
      "ERR_VERSION_MISMATCH",
      `${operation}: module: expected a build with interface ${ABI_VERSION}, got one with ${abi}: ` +
        `take separate.wasm or fused.wasm of wasm-attention ${version}`,
    );
  }
  return {
    arithmetic,
    memory: exports.memory,
    isFaithful: arithmetic === "separate" || roundsOnce((a, b, c) => exports.multiply_add(a, b, c)),
    bind(maximumPages) {
      glue.__wbg_set_wasm(exports);
      exports.__wbindgen_start?.();
      glue.set_memory_limit(maximumPages);
    },
  };
}

/** Lets go of the instance, so that its memory can be collected. */
export function unbind(): void {
  glue.__wbg_set_wasm(undefined);
}
