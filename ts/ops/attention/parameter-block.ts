import { int32View, float32View } from "../../runtime/memory.js";
import { attentionParameterCount, attentionParameters } from "../../wasm/parameters.js";
import type { Call } from "../call.js";
import type { Strides } from "./geometry.js";

type Name = keyof typeof attentionParameters;

/** The numbers of an attention call, by name. What is not named is 0. */
export type ParameterValues = Partial<Record<Name, number>>;

/** The pointer and strides of one tensor, under the names that the block has for them. */
export function tensorParameters<T extends string>(
  name: T,
  pointer: number,
  strides: Strides,
): Record<T | `${T}BatchStride` | `${T}HeadStride` | `${T}RowStride`, number> {
  return {
    [name]: pointer,
    [`${name}BatchStride`]: strides.batch,
    [`${name}HeadStride`]: strides.head,
    [`${name}RowStride`]: strides.row,
  } as Record<T | `${T}BatchStride` | `${T}HeadStride` | `${T}RowStride`, number>;
}

/** The block of 32-bit words in WebAssembly memory through which an attention call's numbers travel. */
export class ParameterBlock {
  readonly pointer: number;

  constructor(call: Call) {
    this.pointer = call.temporary(attentionParameterCount * 4);
    int32View(this.pointer, attentionParameterCount).fill(0);
  }

  set(values: ParameterValues): void {
    const integers = int32View(this.pointer, attentionParameterCount);
    const floats = float32View(this.pointer, attentionParameterCount);
    for (const name of Object.keys(values) as Name[]) {
      const { index, type } = attentionParameters[name];
      // An int32 view keeps the low 32 bits, so it writes unsigned words too.
      (type === "f32" ? floats : integers)[index] = values[name] ?? 0;
    }
  }
}
