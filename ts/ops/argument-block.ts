import { float32View, int32View } from "../runtime/memory.js";
import type { Call } from "./call.js";

/** The 32-bit words of a block in their order, as wasm/interface.ts has them. */
type Layout = readonly (readonly [name: string, type: "u32" | "i32" | "f32"])[];

/** A call's numbers by name. What is not named is 0. */
export type Arguments<L extends Layout> = Partial<Record<L[number][0], number>>;

/** The words in WebAssembly memory through which the numbers of a call travel that has more than a dozen. */
export class ArgumentBlock<L extends Layout> {
  readonly pointer: number;
  readonly #layout: L;

  constructor(call: Call, layout: L, values: Arguments<L>) {
    this.#layout = layout;
    this.pointer = call.temporary(layout.length * 4);
    const integers = int32View(this.pointer, layout.length);
    const floats = float32View(this.pointer, layout.length);
    layout.forEach(([name, type], index) => {
      // An int32 view keeps the low 32 bits, so it writes unsigned words too.
      (type === "f32" ? floats : integers)[index] = values[name as L[number][0]] ?? 0;
    });
  }

  /** Writes a pointer or a size that depends on the others. */
  setInteger(name: L[number][0], value: number): void {
    int32View(this.pointer, this.#layout.length)[this.#layout.findIndex(([other]) => other === name)] = value;
  }
}
