import { kindOf } from "../kind.js";
import type { Arithmetic } from "./probes.js";

/** What `init({ module })` takes: a compiled module, its bytes, a Response that carries them, or a promise of one. */
export type ModuleSource = WebAssembly.Module | ArrayBufferLike | ArrayBufferView | Response;

/** Where an entry's modules come from. */
export interface ModuleLoader {
  /** Whether the host fuses, as far as this entry can tell before it loads anything. */
  fuses(): boolean;
  /** The package's own build. */
  load(arithmetic: Arithmetic): Promise<WebAssembly.Module>;
  /** The module that a caller passed in some form. */
  fromSource(source: unknown): Promise<WebAssembly.Module>;
}

/** Whether a value is a module. Not a type guard: to TypeScript every object is one. */
export const isModule = (value: unknown): boolean => kindOf(value) === "WebAssembly.Module";
