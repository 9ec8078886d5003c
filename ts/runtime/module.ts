import { kindOf } from "../kind.js";
import type { Arithmetic } from "./probes.js";

// Declarations that name WebAssembly or Response fail to compile for users whose `lib` has no DOM; Node's types declare
// the latter alone.

/** WebAssembly.Module, if the user's types have it. */
export type CompiledModule = typeof globalThis extends { WebAssembly: { Module: { prototype: infer M } } } ? M : object;

/** Response, if the user's types have it. */
export type FetchResponse = typeof globalThis extends { Response: { prototype: infer R } } ? R : object;

/** What `init({ module })` takes: a compiled module, its bytes, a Response that carries them, or a promise of one. */
export type ModuleSource = CompiledModule | ArrayBufferLike | ArrayBufferView | FetchResponse;

/** Where an entry's modules come from, and what they get. */
export interface ModuleLoader {
  /** The default of the option of that name, in bytes. */
  readonly maximumMemory: number;
  /** Whether the host fuses, as far as this entry can tell before it loads anything. */
  fuses(): boolean;
  /** The package's own build. */
  load(arithmetic: Arithmetic): Promise<WebAssembly.Module>;
  /** The module that a caller passed in some form. */
  fromSource(source: unknown): Promise<WebAssembly.Module>;
}

/** Whether a value is a module. Not a type guard: to TypeScript every object is one. */
export const isModule = (value: unknown): boolean => kindOf(value) === "WebAssembly.Module";
