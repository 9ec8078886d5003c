import binaryen from "binaryen";
import { arithmetics, INTERFACE_HASH } from "../../ts/wasm/interface.js";

/** What a fake build answers, and its functions by name; `unreachable` as a body traps. */
export interface FakeBuild {
  /** The package's own by default. */
  interfaceHash?: number;
  /** Default: "separate". */
  arithmetic?: keyof typeof arithmetics;
  /** Bodies of functions without parameters in WebAssembly text. */
  functions?: Record<string, string>;
}

/**
 * The bytes of a module that passes for a build of the package, but computes nothing: `multiply_add` rounds twice, and
 * `allocate` always answers the same address.
 */
export function fakeBuild({
  interfaceHash = INTERFACE_HASH,
  arithmetic = "separate",
  functions = {},
}: FakeBuild = {}): Uint8Array<ArrayBuffer> {
  const bodies = { bytes_in_use: "(i32.const 0)", bytes_peak: "(i32.const 0)", ...functions };
  const module = binaryen.parseText(`(module
    (memory (export "memory") 17)
    (global (export "interface_hash") i32 (i32.const ${interfaceHash}))
    (func (export "arithmetic") (result i32) (i32.const ${arithmetics[arithmetic]}))
    (func (export "multiply_add") (param f32 f32 f32) (result f32)
      (f32.add (f32.mul (local.get 0) (local.get 1)) (local.get 2)))
    (func (export "set_memory_limit") (param i32))
    (func (export "allocate") (param i32) (result i32) (i32.const 1114096))
    (func (export "free") (param i32))
    ${Object.entries(bodies)
      .map(([name, body]) => `(func (export "${name}") (result i32) ${body})`)
      .join("\n")})`);
  const bytes = new Uint8Array(module.emitBinary());
  module.dispose();
  return bytes;
}
