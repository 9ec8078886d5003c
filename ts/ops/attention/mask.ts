import { shapeError } from "../../errors.js";
import { elementCount } from "../../tensor/shape.js";
import { maskDTypes } from "../../wasm/interface.js";
import { describeMask, type MaskLike, type MaskOperand } from "../mask-operand.js";
import type { Geometry } from "./geometry.js";
import type { AttentionArguments } from "./arguments.js";

/** A mask that fits its call. */
export interface Mask {
  readonly operand: MaskOperand;
  /** A stride of 0 broadcasts; the keys that it doesn't cover are hidden by the key lengths. */
  readonly arguments: AttentionArguments;
}

/**
 * Checks a mask against `[B, H, L, T]` (or what the inputs' rank leaves of it), aligned at the right. Throws what
 * `describeMask` does, and a RangeError for a shape that doesn't broadcast.
 */
export function readMask(
  operation: string,
  value: MaskLike,
  geometry: Geometry,
  keyLengths: readonly number[] | undefined,
): Mask {
  const operand = describeMask(operation, "attnMask", value);
  const { shape, dtype } = operand;
  const { leadingShape, keyLength } = geometry;
  const full = [...leadingShape, geometry.sizes.queryLength, keyLength];
  const expected = `a shape of rank 1 to ${full.length} that broadcasts to [${full.join(", ")}]`;
  if (shape.length < 1 || shape.length > full.length) throw shapeError(operation, "attnMask", expected, shape);

  const sizes = [...Array<number>(full.length - shape.length).fill(1), ...shape];
  const last = full.length - 1;
  // A mask may end where all valid keys end (the cache of ONNX-24 is longer than its mask).
  const coversValidKeys =
    keyLengths !== undefined && sizes[last] < full[last] && keyLengths.every((length) => length <= sizes[last]);
  sizes.forEach((size, axis) => {
    const fits = size === 1 || size === full[axis] || (axis === last && coversValidKeys);
    if (!fits) throw shapeError(operation, "attnMask", expected, shape);
  });

  const strides = sizes.map((size, axis) => (size === 1 ? 0 : elementCount(sizes.slice(axis + 1))));
  const leadingStrides = strides.slice(0, leadingShape.length);
  return {
    operand,
    arguments: {
      maskDtype: maskDTypes[dtype],
      maskLength: elementCount(shape),
      maskBatchStride: leadingStrides[0],
      maskHeadStride: leadingStrides[1],
      maskRowStride: strides[last - 1],
      maskKeyStride: strides[last],
      maskKeys: sizes[last] === 1 ? keyLength : sizes[last],
    },
  };
}
