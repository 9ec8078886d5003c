import type { attentionArguments } from "../../wasm/interface.js";
import type { Arguments } from "../argument-block.js";
import type { Strides } from "../head-axes.js";

/** The numbers of an attention call, by name. */
export type AttentionArguments = Arguments<typeof attentionArguments>;

/** The pointer and strides of one tensor, under the names that the block has for them. */
export const tensorArguments = (
  name: "query" | "key" | "value" | "output" | "pastKey" | "pastValue" | "presentKey" | "presentValue",
  pointer: number,
  { strides: { batch, head, row } }: { readonly strides: Strides },
): AttentionArguments => ({
  [name]: pointer,
  [`${name}BatchStride`]: batch,
  [`${name}HeadStride`]: head,
  [`${name}RowStride`]: row,
});
