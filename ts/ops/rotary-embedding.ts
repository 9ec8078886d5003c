import { checkBoolean, checkInteger, checkNumber, checkOptions, checkPair } from "../arguments.js";
import { misuseError, rangeError, shapeError } from "../errors.js";
import { int32View } from "../runtime/memory.js";
import { show } from "../show.js";
import { bytesPerElement, type FloatDType } from "../tensor/dtype.js";
import { requireShape, sameShape } from "../tensor/shape.js";
import type { Tensor } from "../tensor/tensor.js";
import { type Call, runCall } from "./call.js";
import { describeFloat, type FloatOperand } from "./float-operand.js";
import { checkHeads, type Layout, readLayout, readSizes, type Sizes, stridesOf } from "./head-axes.js";
import { type Indices, type IndicesLike, readIndices } from "./indices.js";
import type { Operand, TensorLike } from "./operand.js";

const OPERATION = "rotaryEmbedding";
const DEFAULT_BASE = 10_000;
/** Position numbers are int32. */
const POSITIONS = 2 ** 31;

/** Options of `rotaryEmbedding`. Letters as in its description. */
export interface RotaryEmbeddingOptions {
  /**
   * Cosines, one row a position: `[rows, R/2]`, of which `positionIds` picks, or `[B, L, R/2]` without `positionIds`; any
   * float dtype. ONNX's `cos_cache`. Comes with `sine`. Default: both are computed from `base`.
   */
  cosine?: TensorLike;
  /** Sines, of the same shape. ONNX's `sin_cache`. */
  sine?: TensorLike;
  /**
   * The position of each row of the input: `[B, L]`, or `[L]` for all batches; integers from 0. Default: 0, 1, … L − 1.
   */
  positionIds?: IndicesLike;
  /** Without tables: pair i of position p is turned by p · base^(−2i/R). At least 1. Default: 10000. */
  base?: number;
  /** Pair 2i with 2i + 1 (GPT-J, the paper) instead of i with i + R/2 (GPT-NeoX, Llama). Default: false. */
  interleaved?: boolean;
  /** R, how many elements of a head are turned, an even number; the others are copied. 0 (default): all of D. */
  rotaryDim?: number;
  /** The order of a rank-4 input's axes: `[B, H, L, D]`, `[B, L, H, D]` or `[L, B, H, D]`. Default: "BHLD". */
  layout?: Layout;
  /** H of a rank-3 input `[B, L, H·D]`. */
  numHeads?: number;
}

/** Tables that the caller has. */
interface Caches {
  readonly cosine: FloatOperand;
  readonly sine: FloatOperand;
  readonly rows: number;
  /** Whether there is a row for each b and l, so that no positions are needed. */
  readonly isPerRow: boolean;
}

/** Where the angles come from: the caller's tables, or some to be computed. */
interface Tables {
  readonly caches: Caches | undefined;
  readonly rows: number;
  readonly base: number;
}

/**
 * Rotary position embedding: each pair (x, y) of a head's elements becomes (cos · x − sin · y, sin · x + cos · y), with an
 * angle that grows with the position. (Su et al. 2021, "RoFormer"; ONNX RotaryEmbedding-23.)
 *
 * Letters: B batch, H heads, L length, D head size, R ≤ D the elements that are turned.
 *
 * @param input `[B, H, L, D]`; or in the order that `layout` says; or `[B, L, H·D]` with `numHeads`; or `[B, L, D]` or
 *   `[L, D]`, which are one head. float32, float16 or bfloat16; the result has its shape and dtype.
 *
 * Each result is two products, rounded, and their sum, rounded. Tables from `base` are within 2^-24 of the truth for
 * positions up to a million; while computing they take memory for all positions up to the largest.
 *
 * Throws a TypeError for wrong kinds, and for options that exclude each other or lack their partner; a RangeError for
 * wrong values, positions without a row, shapes that don't fit and lack of memory.
 */
export function rotaryEmbedding(input: TensorLike, options?: RotaryEmbeddingOptions): Tensor<FloatDType> {
  const given: RotaryEmbeddingOptions = checkOptions(OPERATION, options, [
    "cosine",
    "sine",
    "positionIds",
    "base",
    "interleaved",
    "rotaryDim",
    "layout",
    "numHeads",
  ]);
  const x = describeFloat(OPERATION, "input", input);
  const { numHeads, rotaryDim = 0, interleaved = false, base = DEFAULT_BASE } = given;
  const layout = readLayout(OPERATION, x, given.layout);
  checkHeads(OPERATION, "numHeads", numHeads, x.shape.length);
  const sizes = readSizes(OPERATION, x, layout, "numHeads", numHeads);
  const strides = stridesOf(layout, sizes);
  const rotarySize = readRotarySize(rotaryDim, x, sizes.D);
  checkBoolean(OPERATION, "interleaved", interleaved);
  const caches = readCaches(given, sizes, rotarySize);
  const ids = readPositionIds(given.positionIds, sizes, caches?.rows ?? POSITIONS);
  checkNumber(OPERATION, "base", base, 1);
  const rows = caches?.rows ?? (ids === undefined ? sizes.L : ids.largest + 1);

  return runCall(OPERATION, (call) => {
    const source = call.inputAsFloat32(x);
    const [cosine, sine] = writeTables(call, { caches, rows, base }, rotarySize);
    const positions = caches?.isPerRow === true ? 0 : writePositions(call, sizes, ids?.operand);
    return call.outputFromFloat32(x.shape, x.dtype, (output) =>
      call.kernel((kernels) =>
        kernels.rotary_embedding(
          output,
          source,
          cosine,
          sine,
          positions,
          sizes.B,
          sizes.L,
          sizes.H,
          sizes.D,
          rotarySize,
          rows,
          Number(interleaved),
          strides.batch,
          strides.row,
          strides.head,
        ),
      ),
    );
  });
}

function readRotarySize(rotaryDim: number, { shape }: Operand, headSize: number): number {
  const size = checkInteger(OPERATION, "rotaryDim", rotaryDim, 0, headSize);
  if (size % 2 !== 0) throw rangeError(OPERATION, "rotaryDim", "an even number", size);
  if (size > 0) return size;
  if (headSize % 2 !== 0) throw shapeError(OPERATION, "input", "an even head size, or rotaryDim", shape);
  return headSize;
}

function readCaches(options: RotaryEmbeddingOptions, { B, L }: Sizes, rotarySize: number): Caches | undefined {
  const { cosine, sine, base, positionIds } = options;
  checkPair(OPERATION, "cosine", cosine, "sine", sine);
  if (cosine === undefined || sine === undefined) return undefined;
  if (base !== undefined) throw misuseError(OPERATION, "base", `excluded by cosine and sine, got ${show(base)}`);
  const caches = {
    cosine: describeFloat(OPERATION, "cosine", cosine),
    sine: describeFloat(OPERATION, "sine", sine),
  };
  const { shape } = caches.cosine;
  const pairs = rotarySize / 2;
  const isPerRow = sameShape(shape, [B, L, pairs]) && positionIds === undefined;
  const isTable = shape.length === 2 && shape[1] === pairs && (positionIds !== undefined || shape[0] >= L);
  if (!isPerRow && !isTable) {
    const expected =
      positionIds === undefined
        ? `shape [${B}, ${L}, ${pairs}], or [rows, ${pairs}] with at least ${L} rows`
        : `shape [rows, ${pairs}], since there are positionIds`;
    throw shapeError(OPERATION, "cosine", expected, shape);
  }
  requireShape(OPERATION, caches.sine, [shape], ", as cosine has it");
  return { ...caches, rows: isPerRow ? B * L : shape[0], isPerRow };
}

function readPositionIds(value: IndicesLike | undefined, { B, L }: Sizes, rows: number): Indices | undefined {
  if (value === undefined) return undefined;
  const ids = readIndices(OPERATION, "positionIds", value, rows);
  requireShape(OPERATION, ids.operand, [[B, L], [L]]);
  return ids;
}

/** Pointers to cosines and sines, `[rows, rotarySize / 2]`. */
function writeTables(call: Call, tables: Tables, rotarySize: number): [cosine: number, sine: number] {
  if (tables.caches !== undefined) {
    return [call.inputAsFloat32(tables.caches.cosine), call.inputAsFloat32(tables.caches.sine)];
  }
  const { rows, base } = tables;
  const bytes = rows * (rotarySize / 2) * bytesPerElement.float32;
  const cosine = call.temporary(bytes);
  const sine = call.temporary(bytes);
  call.kernel((kernels) => kernels.rotary_tables(cosine, sine, rows, rotarySize, base));
  return [cosine, sine];
}

/** A pointer to the positions `[B, L]`: those given, for all batches if they are `[L]`, or 0, 1, …. */
function writePositions(call: Call, { B, L }: Sizes, ids: Operand | undefined): number {
  const given = ids === undefined ? undefined : call.input(ids);
  if (given !== undefined && ids?.shape.length === 2) return given;
  const pointer = call.temporary(B * L * bytesPerElement.int32);
  const positions = int32View(pointer, B * L);
  const row = given === undefined ? Int32Array.from({ length: L }, (_, position) => position) : int32View(given, L);
  for (let b = 0; b < B; b++) positions.set(row, b * L);
  return pointer;
}
