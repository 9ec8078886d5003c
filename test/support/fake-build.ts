import binaryen from "binaryen";
import { ABI_VERSION } from "../../ts/runtime/build.js";

/** What a fake build answers, and its functions by name; `unreachable` as a body traps. */
export interface FakeBuild {
  /** The package's own by default. */
  abiVersion?: number;
  /** 0 separate, 1 fused. */
  arithmetic?: number;
  /** Bodies of functions without parameters in WebAssembly text. */
  functions?: Record<string, string>;
}

/**
 * The bytes of a module that passes for a build of the package, but computes nothing: `multiply_add` rounds twice, and
 * `allocate` always answers the same address.
 */
export function fakeBuild({
  abiVersion = ABI_VERSION,
  arithmetic = 0,
  functions = {},
}: FakeBuild = {}): Uint8Array<ArrayBuffer> {
  const bodies = { bytes_in_use: "(i32.const 0)", bytes_peak: "(i32.const 0)", ...functions };
  const module = binaryen.parseText(`(module
    (memory (export "memory") 17)
    (func (export "abi_version") (result i32) (i32.const ${abiVersion}))
    (func (export "arithmetic") (result i32) (i32.const ${arithmetic}))
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
