import { checkBoolean, checkInteger, checkOptions, checkPair } from "../arguments.js";
import { misuseError, rangeError, shapeError } from "../errors.js";
import { show } from "../show.js";
import { bytesPerElement, type FloatDType } from "../tensor/dtype.js";
import { requireShape, sameShape, type Shape } from "../tensor/shape.js";
import type { Tensor } from "../tensor/tensor.js";
import { rotaryEmbeddingArguments } from "../wasm/interface.js";
import { ArgumentBlock } from "./argument-block.js";
import { type Call, runCall } from "./call.js";
import { describeFloat, type FloatOperand } from "./float-operand.js";
import { checkHeads, type Layout, readLayout, readSizes, type Sizes, type Strides, stridesOf } from "./head-axes.js";
import type { IndicesLike } from "./indices.js";
import type { Operand, TensorLike } from "./operand.js";
import { POSITIONS, type Positions, readPositions } from "./positions.js";
import {
  readRotaryFrequencies,
  type RotaryFrequencies,
  type RotaryFrequencyOptions,
  writeRotaryFrequencies,
} from "./rotary-frequencies.js";

const OPERATION = "rotaryEmbedding";

/** Options of `rotaryEmbedding`. Letters as in its description. `base` and `ropeScaling` are for calls without tables. */
export interface RotaryEmbeddingOptions extends RotaryFrequencyOptions {
  /**
   * Cosines, one row a position: `[rows, R/2]`, of which `positionIds` picks, or `[B, L, R/2]` without `positionIds`, or `[1,
   * L, R/2]` for all batches; any float dtype. ONNX's `cos_cache`. Comes with `sine`. Default: both are computed.
   */
  cosine?: TensorLike;
  /** Sines, of the same shape. ONNX's `sin_cache`. */
  sine?: TensorLike;
  /**
   * The position of each row of the input: an integer, the first row's, which the others follow; or `[B, L]`, or `[L]` or
   * `[1, L]` for all batches. Positions are integers from 0 to 2^31 − 1. Default: 0.
   */
  positionIds?: IndicesLike | number;
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

/** Tables in the memory. */
interface Tables {
  readonly cosine: number;
  readonly sine: number;
  readonly rows: number;
  /** Positions that pick rows; 0 where each row of the input has one of its own, in their order. */
  readonly ids: number;
}

/** How a call turns, either way. */
export interface RotaryEmbeddingDetails {
  readonly shape: Shape;
  readonly sizes: Sizes;
  readonly strides: Strides;
  readonly rotarySize: number;
  readonly interleaved: boolean;
  readonly caches: Caches | undefined;
  readonly positions: Positions;
  readonly frequencies: RotaryFrequencies;
}

/**
 * Rotary position embedding: each pair (x, y) of a head's elements becomes (cos · x − sin · y, sin · x + cos · y), with an
 * angle that grows with the position. (Su et al. 2021, "RoFormer"; ONNX RotaryEmbedding-23.)
 *
 * Letters: B batch, H heads, L length, D head size, R ≤ D the elements that are turned.
 *
 * Each result is two products, rounded, and their sum, rounded. Cosines and sines that are computed are rounded once, and
 * their angles are off by less than position · 2^-51: not at all for frequencies that float64 holds exactly, as the first
 * pair's 1, and more where YaRN's line spans less than a pair. Without an attention factor that is within 2^-24 of the truth
 * for positions up to 2^26, and within 2^-19 for all. Time and memory grow with the rows, not with their positions.
 *
 * @example
 * ```js
 * import { init, rotaryEmbedding } from "wasm-attention";
 *
 * await init();
 * const query = { data: [1, 0], shape: [1, 2] };
 * console.log(rotaryEmbedding(query, { positionIds: 1 }).toNested()); // [[cos 1, sin 1]]
 * ```
 *
 * @param input `[B, H, L, D]`; or in the order that `layout` says; or `[B, L, H·D]` with `numHeads`; or `[B, L, D]` or
 *   `[L, D]`, which are one head. float32, float16 or bfloat16.
 * @param options Positions, frequencies or tables, and how the input's axes lie.
 * @returns A tensor of the input's shape and dtype.
 * @throws {TypeError} for wrong kinds, and for options that exclude each other or lack their partner.
 * @throws {RangeError} for wrong values, positions without a row, shapes that don't fit, and for lack of memory.
 */
export function rotaryEmbedding(input: TensorLike, options?: RotaryEmbeddingOptions): Tensor<FloatDType> {
  const given: RotaryEmbeddingOptions = checkOptions(OPERATION, options, [
    "cosine",
    "sine",
    "positionIds",
    "base",
    "ropeScaling",
    "interleaved",
    "rotaryDim",
    "layout",
    "numHeads",
  ]);
  const x = describeFloat(OPERATION, "input", input);
  const { numHeads, rotaryDim = 0, interleaved = false } = given;
  const layout = readLayout(OPERATION, x, given.layout);
  checkHeads(OPERATION, "numHeads", numHeads, x.shape.length);
  const sizes = readSizes(OPERATION, x, layout, "numHeads", numHeads);
  const strides = stridesOf(layout, sizes);
  const rotarySize = readRotarySize(rotaryDim, x, sizes.D);
  checkBoolean(OPERATION, "interleaved", interleaved);
  const caches = readCaches(given, sizes, rotarySize);
  const positions = readPositions(OPERATION, "positionIds", given.positionIds, sizes, caches?.rows ?? POSITIONS);
  const frequencies = readRotaryFrequencies(OPERATION, "", given);
  const { shape } = x;
  const details = { shape, sizes, strides, rotarySize, interleaved, caches, positions, frequencies };
  return runCall(OPERATION, (call) => {
    const source = call.inputAsFloat32(x);
    const result = call.outputFromFloat32(shape, x.dtype, (output) => turn(call, output, source, details, false));
    return call.record<RotaryEmbeddingDetails, Tensor<FloatDType>>(OPERATION, [x], result, details);
  });
}

/** Writes the source, turned, to the output; inversely by the opposite angles. */
export function turn(
  call: Call,
  output: number,
  source: number,
  { sizes, strides, rotarySize, interleaved, caches, positions, frequencies }: RotaryEmbeddingDetails,
  isInverse: boolean,
): void {
  // What the batches share is there once.
  const shared = caches?.isPerRow === true ? caches.cosine : positions.ids;
  const isShared = shared === undefined || shared.shape.length === 1 || shared.shape[0] === 1;
  const tables =
    caches === undefined
      ? computeTables(call, frequencies, positions, rotarySize / 2, isShared ? sizes.L : sizes.B * sizes.L)
      : inputTables(call, caches, positions, rotarySize / 2);
  const block = new ArgumentBlock(call, rotaryEmbeddingArguments, {
    output,
    input: source,
    cosine: tables.cosine,
    sine: tables.sine,
    positionIds: tables.ids,
    batch: sizes.B,
    length: sizes.L,
    heads: sizes.H,
    headSize: sizes.D,
    rotarySize,
    tableRows: tables.rows,
    batchStride: strides.batch,
    headStride: strides.head,
    rowStride: strides.row,
    positionStride: isShared ? 0 : sizes.L,
    interleaved: Number(interleaved),
    inverse: Number(isInverse),
  });
  call.kernel((kernels) => kernels.rotary_embedding(block.pointer));
}

function readRotarySize(rotaryDim: number, { shape }: Operand, headSize: number): number {
  const size = checkInteger(OPERATION, "rotaryDim", rotaryDim, 0, headSize);
  if (size % 2 !== 0) throw rangeError(OPERATION, "rotaryDim", "an even number", size);
  if (size > 0) return size;
  if (headSize % 2 !== 0) throw shapeError(OPERATION, "input", "an even head size, or rotaryDim", shape);
  return headSize;
}

function readCaches(options: RotaryEmbeddingOptions, { B, L }: Sizes, rotarySize: number): Caches | undefined {
  const { cosine, sine, positionIds } = options;
  checkPair(OPERATION, "cosine", cosine, "sine", sine);
  if (cosine === undefined || sine === undefined) return undefined;
  for (const argument of ["base", "ropeScaling"] as const) {
    if (options[argument] === undefined) continue;
    throw misuseError(OPERATION, argument, `excluded by cosine and sine, got ${show(options[argument])}`);
  }
  const caches = {
    cosine: describeFloat(OPERATION, "cosine", cosine),
    sine: describeFloat(OPERATION, "sine", sine),
  };
  const { shape } = caches.cosine;
  const pairs = rotarySize / 2;
  const isPerRow = positionIds === undefined && [B, 1].some((batch) => sameShape(shape, [batch, L, pairs]));
  const isList = positionIds !== undefined && typeof positionIds !== "number";
  const isTable = shape.length === 2 && shape[1] === pairs && (isList || shape[0] >= L);
  if (!isPerRow && !isTable) {
    const table = `[rows, ${pairs}]${isList ? "" : ` with at least ${L} rows`}`;
    const expected =
      positionIds === undefined
        ? `shape [${B}, ${L}, ${pairs}] or [1, ${L}, ${pairs}], or ${table}`
        : `shape ${table}, since there are positionIds`;
    throw shapeError(OPERATION, "cosine", expected, shape);
  }
  requireShape(OPERATION, caches.sine, [shape], ", as cosine has it");
  return { ...caches, rows: isPerRow ? shape[0] * L : shape[0], isPerRow };
}

/** Cosines and sines of the positions: a row for each of them, which the input's rows take in their order. */
function computeTables(
  call: Call,
  frequencies: RotaryFrequencies,
  positions: Positions,
  pairs: number,
  rows: number,
): Tables {
  const ids = positions.ids === undefined ? 0 : call.input(positions.ids);
  const [pointer, attentionFactor] = writeRotaryFrequencies(call, frequencies, pairs, positions.length);
  const bytes = rows * pairs * bytesPerElement.float32;
  const cosine = call.temporary(bytes);
  const sine = call.temporary(bytes);
  call.kernel((kernels) =>
    kernels.rotary_tables(cosine, sine, pointer, ids, rows, pairs, positions.first, attentionFactor),
  );
  return { cosine, sine, rows, ids: 0 };
}

/** The caller's tables, from the first position on. */
function inputTables(call: Call, caches: Caches, positions: Positions, pairs: number): Tables {
  const start = positions.first * pairs * bytesPerElement.float32;
  const cosine = call.inputAsFloat32(caches.cosine) + start;
  const sine = call.inputAsFloat32(caches.sine) + start;
  const ids = positions.ids === undefined ? 0 : call.input(positions.ids);
  return { cosine, sine, rows: caches.rows - positions.first, ids };
}
