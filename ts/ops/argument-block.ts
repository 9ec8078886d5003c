import { float32View, int32View } from "../runtime/memory.js";
import type { Call } from "./call.js";

/** The type of each 32-bit word of a block by its name, in the order of the words (wasm/interface.ts). */
type Layout = Readonly<Record<string, "u32" | "i32" | "f32">>;

/** A call's numbers by name. What is not named is 0. */
export type Arguments<L extends Layout> = Partial<Record<keyof L, number>>;

/** The 32-bit words in WebAssembly memory through which the numbers of a call travel that has more than a dozen. */
export class ArgumentBlock<L extends Layout> {
  readonly pointer: number;
  readonly #words: readonly (readonly [name: keyof L, type: L[string]])[];

  constructor(call: Call, layout: L, values: Arguments<L>) {
    this.#words = Object.entries(layout) as [keyof L, L[string]][];
    this.pointer = call.temporary(this.#words.length * 4);
    int32View(this.pointer, this.#words.length).fill(0);
    this.set(values);
  }

  /** Writes those that are named. */
  set(values: Arguments<L>): void {
    const integers = int32View(this.pointer, this.#words.length);
    const floats = float32View(this.pointer, this.#words.length);
    this.#words.forEach(([name, type], index) => {
      const value = values[name];
      // An int32 view keeps the low 32 bits, so it writes unsigned words too.
      if (value !== undefined) (type === "f32" ? floats : integers)[index] = value;
    });
  }
}
