import type { ScaledDotProductAttentionOptions } from "../ops/attention/options.js";
import { readKeyLengths } from "../ops/key-lengths.js";
import { combineMasks, type MaskAxes, type MaskPart, type MaskRules } from "../ops/masks.js";
import { describeMask, type MaskLike, type MaskOperand } from "../ops/mask-operand.js";
import type { NumbersLike } from "../ops/numbers.js";
import { requireShape, type Shape } from "../tensor/shape.js";

/** What masks are checked against. Letters: B batch, H heads, L queries, S keys of the caller's. */
export interface MaskSizes {
  readonly batch: number;
  readonly heads: number;
  readonly queryLength: number;
  readonly keyLength: number;
  /** Inputs without a batch axis, whose masks have none either. */
  readonly isUnbatched: boolean;
}

/** The masks of a call, checked. */
export interface Masks extends MaskRules {
  readonly parts: readonly MaskPart[];
  readonly sizes: MaskSizes;
}

/** What attention takes of them. */
type AttentionMasks = Pick<ScaledDotProductAttentionOptions, "attnMask" | "keyLengths" | "isCausal">;

function readMask(operation: string, argument: string, value: MaskLike, shapes: readonly Shape[]): MaskOperand {
  const operand = describeMask(operation, argument, value);
  requireShape(operation, operand, shapes);
  return operand;
}

/** The masks' names in errors. */
type MaskNames = Readonly<Record<"keyPaddingMask" | "attnMask", string>>;

/** Checks masks. Throws what `describeMask` does, and a RangeError for other shapes and lengths. */
export function readMasks(
  operation: string,
  given: { keyPaddingMask?: MaskLike; attnMask?: MaskLike; keyLengths?: NumbersLike },
  isCausal: boolean,
  sizes: MaskSizes,
  names: MaskNames = { keyPaddingMask: "keyPaddingMask", attnMask: "attnMask" },
): Masks {
  const { batch, heads, queryLength, keyLength, isUnbatched } = sizes;
  const parts: MaskPart[] = [];
  if (given.keyPaddingMask !== undefined) {
    const shape = isUnbatched ? [keyLength] : [batch, keyLength];
    parts.push({
      operand: readMask(operation, names.keyPaddingMask, given.keyPaddingMask, [shape]),
      axes: [batch, 1, 1],
    });
  }
  if (given.attnMask !== undefined) {
    const plane = [queryLength, keyLength];
    const operand = readMask(operation, names.attnMask, given.attnMask, [plane, [batch * heads, ...plane]]);
    parts.push({ operand, axes: operand.shape.length === 3 ? [batch, heads, queryLength] : [1, 1, queryLength] });
  }
  return { parts, keyLengths: readKeyLengths(operation, given.keyLengths, batch, keyLength), isCausal, sizes };
}

/**
 * The masks for `scaledDotProductAttention` over the S keys and extra ones, which stay visible. Its own rules would hide
 * those, which come after all others, so that they become part of the mask where there are any. What is created belongs to
 * the scope.
 */
export function attentionMasks(operation: string, masks: Masks, extraKeys: number): AttentionMasks {
  const { parts, keyLengths, isCausal, sizes } = masks;
  const rules = { keyLengths, isCausal };
  if (extraKeys === 0) return { ...rules, attnMask: combineMasks(operation, parts, sizes.keyLength, sizes.keyLength) };
  const axes: MaskAxes = [keyLengths === undefined ? 1 : sizes.batch, 1, isCausal ? sizes.queryLength : 1];
  const inMask = keyLengths !== undefined || isCausal ? { ...rules, axes } : undefined;
  return { attnMask: combineMasks(operation, parts, sizes.keyLength, sizes.keyLength + extraKeys, inMask) };
}
