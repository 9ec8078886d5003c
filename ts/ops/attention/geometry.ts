import { misuseError, rangeError, shapeError, typeError } from "../../errors.js";
import { requireShape, type Shape } from "../../tensor/shape.js";
import type { FloatDType } from "../../tensor/dtype.js";
import type { FloatOperand } from "../float-operand.js";
import {
  checkHeads,
  LARGEST_SIZE,
  type Layout,
  readLayout,
  readSizes,
  shapeOf,
  type Sizes,
  sizesOf,
  type Strides,
  stridesOf,
} from "../head-axes.js";
import type { ScaledDotProductAttentionOptions } from "./options.js";

/** The keys and values from before. */
export interface Past {
  readonly key: FloatOperand;
  readonly value: FloatOperand;
}

/** How one tensor of an attention call lies in memory. */
export interface Extent {
  readonly shape: Shape;
  readonly strides: Strides;
}

/** What the shapes of an attention call's inputs say. Letters as in the design: L queries, S new keys, P past, T all. */
export interface Geometry {
  /** Under the names that the argument block has for them. */
  readonly sizes: Readonly<
    Record<
      "batch" | "heads" | "keyHeads" | "queryLength" | "pastLength" | "newLength" | "headSize" | "valueHeadSize",
      number
    >
  >;
  /** T */
  readonly keyLength: number;
  readonly query: Extent;
  readonly key: Extent;
  readonly value: Extent;
  readonly output: Extent;
  readonly pastKey: Extent;
  readonly pastValue: Extent;
  readonly presentKey: Extent;
  readonly presentValue: Extent;
  /** The axes that masks, weights and logSumExp have before the row: `[B, H]`, `[B]` or none. */
  readonly leadingShape: Shape;
}

/** The sizes of query, key and value, under the letters of their axes. */
interface InputSizes {
  readonly q: Sizes;
  readonly k: Sizes;
  readonly v: Sizes;
}

/** Checks the shapes of an attention call's inputs against each other. Throws TypeError and RangeError. */
export function readGeometry(
  operation: string,
  query: FloatOperand,
  key: FloatOperand,
  value: FloatOperand,
  past: Past | undefined,
  options: ScaledDotProductAttentionOptions,
): Geometry {
  const rank = query.shape.length;
  const layout = readLayout(operation, query, options.layout);
  checkRanks(operation, rank, [query, key, value]);
  checkHeadCounts(operation, rank, options);
  const sizes = readInputSizes(operation, query, key, value, layout, options);
  const { q, k, v } = sizes;

  // ONNX's rank 3 has past and present as `[B, Hkv, ·, ·]`.
  const isPacked = rank === 3 && options.numHeads !== undefined;
  const [pastRank, pastLayout] = isPacked ? ([4, "BHLD"] as const) : [rank, layout];
  const P = past === undefined ? 0 : readPastLength(operation, past, sizes, pastRank, pastLayout);
  const T = P + k.L;

  const extent = (of: Sizes): Extent => extentOf(rank, layout, of);
  const pastExtent = (of: Sizes, L: number): Extent => extentOf(pastRank, pastLayout, { ...of, L });
  const batchShape = rank === 2 ? [] : [q.B];
  return {
    sizes: {
      batch: q.B,
      heads: q.H,
      keyHeads: k.H,
      queryLength: q.L,
      pastLength: P,
      newLength: k.L,
      headSize: q.D,
      valueHeadSize: v.D,
    },
    keyLength: T,
    query: extent(q),
    key: extent(k),
    value: extent(v),
    output: extent({ ...q, D: v.D }),
    pastKey: pastExtent(k, P),
    pastValue: pastExtent(v, P),
    presentKey: pastExtent(k, T),
    presentValue: pastExtent(v, T),
    leadingShape: rank === 4 || isPacked ? [...batchShape, q.H] : batchShape,
  };
}

const extentOf = (rank: number, layout: Layout, sizes: Sizes): Extent => ({
  shape: shapeOf(rank, layout, sizes),
  strides: stridesOf(layout, sizes),
});

function checkRanks(operation: string, rank: number, inputs: readonly FloatOperand[]): void {
  for (const { argument, shape } of inputs) {
    if (shape.length !== rank) throw shapeError(operation, argument, `rank ${rank}, as query has`, shape);
    if (shape.some((size) => size > LARGEST_SIZE)) throw shapeError(operation, argument, "sizes below 2^31", shape);
  }
}

function checkHeadCounts(
  operation: string,
  rank: number,
  { numHeads, numKvHeads }: ScaledDotProductAttentionOptions,
): void {
  checkHeads(operation, "numHeads", numHeads, rank);
  checkHeads(operation, "numKvHeads", numKvHeads, rank);
  if (numHeads === undefined && numKvHeads !== undefined) {
    throw misuseError(operation, "numKvHeads", "needs numHeads");
  }
  if (numHeads !== undefined && numHeads % (numKvHeads ?? numHeads) !== 0) {
    throw rangeError(operation, "numKvHeads", `a divisor of numHeads, ${numHeads}`, numKvHeads);
  }
}

function readInputSizes(
  operation: string,
  query: FloatOperand,
  key: FloatOperand,
  value: FloatOperand,
  layout: Layout,
  { numHeads, numKvHeads }: ScaledDotProductAttentionOptions,
): InputSizes {
  const rank = query.shape.length;
  // In rank 4 the shapes tell how many heads there are.
  const keyHeads = numKvHeads ?? (rank === 3 ? numHeads : undefined);
  const q = readSizes(operation, query, layout, "numHeads", numHeads);
  const k = readSizes(operation, key, layout, "numKvHeads", keyHeads);
  const v = readSizes(operation, value, layout, "numKvHeads", keyHeads);
  if (q.H < 1 || q.D < 1) {
    throw shapeError(operation, "query", "at least one head and a head size of at least 1", query.shape);
  }
  const expectedKey = shapeOf(rank, layout, { ...k, B: q.B, D: q.D });
  requireShape(operation, key, [expectedKey], ", with the query's batch and head size");
  if (k.H < 1 || q.H % k.H !== 0) {
    throw shapeError(operation, "key", `a number of heads that divides the query's ${q.H}`, key.shape);
  }
  requireShape(operation, value, [shapeOf(rank, layout, { ...k, D: v.D })], ", as the key has it");
  if (v.D < 1) throw shapeError(operation, "value", "a head size of at least 1", value.shape);
  return { q, k, v };
}

function readPastLength(
  operation: string,
  { key, value }: Past,
  { k, v }: InputSizes,
  rank: number,
  layout: Layout,
): number {
  if (key.shape.length !== rank) throw shapeError(operation, "pastKey", `rank ${rank}`, key.shape);
  const { L } = sizesOf(layout, key.shape);
  requireShape(operation, key, [shapeOf(rank, layout, { ...k, L })]);
  requireShape(operation, value, [shapeOf(rank, layout, { ...v, L })]);
  if (L + k.L > LARGEST_SIZE) {
    throw shapeError(operation, "pastKey", `fewer than 2^31 keys together with the new ${k.L}`, key.shape);
  }
  return L;
}

/** Query, key and their past share a dtype; values and theirs may have another. Throws a TypeError. */
export function readDTypes(
  operation: string,
  { dtype }: FloatOperand,
  key: FloatOperand,
  { dtype: valueDType }: FloatOperand,
  past: Past | undefined,
): { dtype: FloatDType; valueDType: FloatDType } {
  const expectations: [FloatOperand | undefined, FloatDType, string][] = [
    [key, dtype, "query"],
    [past?.key, dtype, "query"],
    [past?.value, valueDType, "value"],
  ];
  for (const [operand, expected, other] of expectations) {
    if (operand !== undefined && operand.dtype !== expected) {
      throw typeError(operation, operand.argument, `${expected}, the dtype of ${other}`, operand.dtype);
    }
  }
  return { dtype, valueDType };
}
