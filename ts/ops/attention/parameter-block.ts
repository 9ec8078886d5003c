import { int32View, float32View } from "../../runtime/memory.js";
import { attentionParameters } from "../../wasm/parameters.js";
import type { Call } from "../call.js";
import type { Strides } from "../head-axes.js";

type Name = keyof typeof attentionParameters;

/** The numbers of an attention call, by name. What is not named is 0. */
export type ParameterValues = Partial<Record<Name, number>>;

/** The pointer and strides of one tensor, under the names that the block has for them. */
export const tensorParameters = (
  name: "query" | "key" | "value" | "output" | "pastKey" | "pastValue" | "presentKey" | "presentValue",
  pointer: number,
  { strides: { batch, head, row } }: { readonly strides: Strides },
): ParameterValues => ({
  [name]: pointer,
  [`${name}BatchStride`]: batch,
  [`${name}HeadStride`]: head,
  [`${name}RowStride`]: row,
});

const names = /* @__PURE__ */ Object.keys(attentionParameters) as Name[];

/** The block of 32-bit words in WebAssembly memory through which an attention call's numbers travel. */
export class ParameterBlock {
  readonly pointer: number;

  constructor(call: Call) {
    this.pointer = call.temporary(names.length * 4);
    int32View(this.pointer, names.length).fill(0);
  }

  set(values: ParameterValues): void {
    const integers = int32View(this.pointer, names.length);
    const floats = float32View(this.pointer, names.length);
    names.forEach((name, index) => {
      const value = values[name];
      // An int32 view keeps the low 32 bits, so it writes unsigned words too.
      if (value !== undefined) (attentionParameters[name] === "f32" ? floats : integers)[index] = value;
    });
  }
}
