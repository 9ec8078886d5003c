import { describeMask, type MaskLike } from "../ops/mask-operand.js";
import type { Operand } from "../ops/operand.js";
import { requireShape, type Shape } from "../tensor/shape.js";
import { createTensor, isTensor, type Tensor, tensorFromSource } from "../tensor/tensor.js";

/** What masks are checked against. Letters: B batch, L queries, S keys of the caller's. */
export interface MaskSizes {
  readonly batch: number;
  readonly heads: number;
  readonly queryLength: number;
  readonly keyLength: number;
  /** Inputs without a batch axis, whose masks have none either. */
  readonly isUnbatched: boolean;
}

/** PyTorch's masks: bool hides where it is true, the opposite of attention's own; floats are added to the scores. */
export interface Masks {
  /** `[B, S]` */
  readonly padding?: Operand;
  /** `[L, S]`, or `[B·heads, L, S]` */
  readonly attention?: Operand;
  readonly sizes: MaskSizes;
}

function readMask(
  operation: string,
  argument: string,
  value: MaskLike | undefined,
  shapes: readonly Shape[],
): Operand | undefined {
  if (value === undefined) return undefined;
  const operand = describeMask(operation, argument, value);
  requireShape(operation, operand, shapes);
  return operand;
}

/** Checks masks. Throws what `describeMask` does, and a RangeError for other shapes. */
export function readMasks(
  operation: string,
  { keyPaddingMask, attnMask }: { keyPaddingMask?: MaskLike; attnMask?: MaskLike },
  sizes: MaskSizes,
): Masks {
  const { batch, heads, queryLength, keyLength, isUnbatched } = sizes;
  const plane = [queryLength, keyLength];
  return {
    padding: readMask(operation, "keyPaddingMask", keyPaddingMask, [isUnbatched ? [keyLength] : [batch, keyLength]]),
    attention: readMask(operation, "attnMask", attnMask, [plane, [batch * heads, ...plane]]),
    sizes,
  };
}

/** One mask as rows of numbers; a stride of 0 repeats. */
interface MaskRows {
  readonly isBoolean: boolean;
  readonly tensor: Tensor;
  readonly batchStride: number;
  readonly headStride: number;
  readonly rowStride: number;
}

const asTensor = (operation: string, { content }: Operand): Tensor =>
  isTensor(content) ? content : tensorFromSource(operation, content);

const maskRows = (tensor: Tensor, strides: Omit<MaskRows, "tensor" | "isBoolean">): MaskRows => {
  const isBoolean = tensor.dtype === "bool";
  return { ...strides, isBoolean, tensor: isBoolean || tensor.dtype === "float32" ? tensor : tensor.to("float32") };
};

/**
 * The masks as one for `scaledDotProductAttention`, which broadcasts to `[B, heads, L, S + extraKeys]`; undefined when
 * nothing is masked. It has no larger axes than its parts: a padding mask alone is `[B, 1, 1, ·]`, and only both
 * together are `[B, 1 or heads, L, ·]`. A lone float mask is taken as it is when there are no extra keys; all else is
 * bool where every part is, else float32. The extra keys stay visible.
 *
 * `isCausal` hides keys after the query as well, which attention's own option would do to the extra ones too.
 *
 * What it creates belongs to the scope.
 */
export function combineMasks(
  operation: string,
  { padding, attention, sizes }: Masks,
  extraKeys: number,
  isCausal: boolean,
): Tensor | undefined {
  const { batch, heads, queryLength, keyLength } = sizes;
  if (padding === undefined && attention === undefined && !isCausal) return undefined;
  const hasHeads = attention?.shape.length === 3;
  const batches = padding !== undefined || hasHeads ? batch : 1;
  const planes = hasHeads ? heads : 1;
  const rows = attention !== undefined || isCausal ? queryLength : 1;

  const given = [padding, attention].filter((mask) => mask !== undefined).map((mask) => asTensor(operation, mask));
  if (given.length === 1 && given[0].dtype !== "bool" && extraKeys === 0 && !isCausal) {
    return given[0].reshape([batches, planes, rows, keyLength]);
  }

  const parts: MaskRows[] = [];
  if (padding !== undefined) {
    parts.push(maskRows(given[0], { batchStride: keyLength, headStride: 0, rowStride: 0 }));
  }
  if (attention !== undefined) {
    const plane = hasHeads ? queryLength * keyLength : 0;
    parts.push(
      maskRows(given[given.length - 1], { batchStride: heads * plane, headStride: plane, rowStride: keyLength }),
    );
  }
  const isBoolean = parts.every((part) => part.isBoolean);
  const width = keyLength + extraKeys;
  const combined = createTensor(operation, [batches, planes, rows, width], isBoolean ? "bool" : "float32");

  // Views come last: creating a tensor detaches them.
  const target = combined.view();
  const sources = parts.map((part) => ({ ...part, elements: part.tensor.view() as Uint8Array | Float32Array }));
  // What bool masks write where they hide a key: attention's own false, or what is added to a score.
  const hidden = isBoolean ? 0 : -Infinity;
  target.fill(isBoolean ? 1 : 0);
  for (let row = 0; row < batches * planes * rows; row++) {
    const i = row % rows;
    const head = Math.floor(row / rows) % planes;
    const b = Math.floor(row / rows / planes);
    const start = row * width;
    for (const { elements, batchStride, headStride, rowStride, ...part } of sources) {
      const from = b * batchStride + head * headStride + i * rowStride;
      if (isBoolean) {
        for (let j = 0; j < keyLength; j++) if (elements[from + j] !== 0) target[start + j] = hidden;
      } else if (part.isBoolean) {
        for (let j = 0; j < keyLength; j++) if (elements[from + j] !== 0) target[start + j] += hidden;
      } else {
        for (let j = 0; j < keyLength; j++) target[start + j] += elements[from + j];
      }
    }
    if (isCausal && i + 1 < keyLength) target.fill(hidden, start + i + 1, start + keyLength);
  }
  return combined;
}
