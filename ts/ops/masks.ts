import { int32View } from "../runtime/memory.js";
import { elementCount } from "../tensor/shape.js";
import { pointerOf, type Tensor } from "../tensor/tensor.js";
import { maskDTypes } from "../wasm/interface.js";
import { type Call, runCall } from "./call.js";
import type { FloatOperand } from "./float-operand.js";
import type { MaskOperand } from "./mask-operand.js";
import { tensorOf } from "./operand.js";

/** The sizes of a mask before the keys: 1 where it is the same for all. */
export type MaskAxes = readonly [batch: number, heads: number, rows: number];

/** One of PyTorch's masks: bool hides where it is true, the opposite of attention's own; floats are added to the scores. */
export interface MaskPart {
  readonly operand: MaskOperand;
  readonly axes: MaskAxes;
}

/** What hides keys without being a mask. */
export interface MaskRules {
  /** One a batch. */
  readonly keyLengths: readonly number[] | undefined;
  readonly isCausal: boolean;
}

/** What the gradient of a combined mask depends on: where each part has axes of its own, and its number of keys. */
export interface CombinedMaskDetails {
  readonly axes: readonly MaskAxes[];
  readonly keys: number;
}

/**
 * Masks, and rules, as one mask of rows of `columns` keys; undefined when there are none. It has no larger axes than its parts:
 * a padding mask alone is `[B, 1, 1, ·]`. A lone float mask is taken as it is when it is as wide; all else is bool where every
 * part is, else float32.
 */
export function combineMasks(
  operation: string,
  parts: readonly MaskPart[],
  keys: number,
  columns: number,
  rules?: MaskRules & { readonly axes: MaskAxes },
): Tensor | undefined {
  const all = [...parts, ...(rules === undefined ? [] : [rules])];
  if (all.length === 0) return undefined;
  const axes = [0, 1, 2].map((axis) => all.map((part) => part.axes[axis]).find((size) => size !== 1) ?? 1);
  const [batch, heads, rows] = axes;
  const isBoolean = parts.every(({ operand }) => operand.dtype === "bool");
  if (all.length === 1 && !isBoolean && columns === keys) {
    const { operand } = parts[0];
    return tensorOf(operation, operand).reshape([...axes, keys]);
  }
  return runCall(operation, (call) => {
    const combined = call.output([...axes, columns], isBoolean ? "bool" : "float32");
    combined.view().fill(isBoolean ? 1 : 0);
    const pointer = pointerOf(combined);
    const dtype = maskDTypes[combined.dtype];
    for (const part of parts) {
      const [mask, maskDType] = inputOf(call, part.operand);
      const strides = part.axes.map((size, axis) => (size === 1 ? 0 : elementCount(part.axes.slice(axis + 1)) * keys));
      const [batchStride, headStride, rowStride] = strides;
      call.kernel((kernels) =>
        kernels.combine_mask(
          ...([pointer, mask, batch, heads, rows, keys, columns] as const),
          ...([batchStride, headStride, rowStride, dtype, maskDType] as const),
        ),
      );
    }
    if (rules !== undefined) {
      const lengths = rules.keyLengths === undefined ? 0 : call.words(int32View, rules.keyLengths);
      call.kernel((kernels) =>
        kernels.hide_keys(pointer, lengths, batch, heads, rows, keys, columns, dtype, Number(rules.isCausal)),
      );
    }
    return call.record<CombinedMaskDetails, Tensor>(
      "combineMasks",
      parts.map(({ operand }) => operand),
      combined,
      { axes: parts.map((part) => part.axes), keys },
    );
  });
}

/** A pointer to a mask's elements as kernels combine them, and their dtype's number. */
const inputOf = (call: Call, operand: MaskOperand): [pointer: number, dtype: number] =>
  operand.dtype === "bool"
    ? [call.input(operand), maskDTypes.bool]
    : [call.inputAsFloat32(operand as FloatOperand), maskDTypes.float32];
