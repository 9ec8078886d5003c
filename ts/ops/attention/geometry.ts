import { checkChoice, checkInteger } from "../../arguments.js";
import { codedTypeError, rangeError, shapeError, typeError } from "../../errors.js";
import { isFloat, type FloatDType } from "../../tensor/dtype.js";
import type { Shape } from "../../tensor/shape.js";
import type { Operand } from "../operand.js";
import type { ScaledDotProductAttentionOptions } from "./options.js";

/** Sizes go through 32-bit words, and positions through signed ones. */
const LARGEST_SIZE = 2 ** 31 - 1;

/** How a tensor's axes stand for batch, head, row and element. */
type Arrangement =
  /** `[B, heads, rows, size]` */
  | "BHLD"
  /** `[B, rows, heads, size]` */
  | "BLHD"
  /** `[rows, B, heads, size]` */
  | "LBHD"
  /** `[B, rows, heads · size]`, as ONNX has it */
  | "packed"
  /** `[B, rows, size]`: one head */
  | "batch"
  /** `[rows, size]`: one batch, one head */
  | "matrix";

/** A tensor's sizes, whatever its arrangement. */
interface Sizes {
  batch: number;
  heads: number;
  rows: number;
  size: number;
}

/** Distances in elements from one batch, head and row to the next. */
export interface Strides {
  batch: number;
  head: number;
  row: number;
}

/** What the shapes of an attention call's inputs say. Letters as in the design: L queries, S new keys, P past, T all. */
export interface Geometry {
  batch: number;
  heads: number;
  keyHeads: number;
  queryLength: number;
  newLength: number;
  pastLength: number;
  keyLength: number;
  headSize: number;
  valueHeadSize: number;
  queryStrides: Strides;
  keyStrides: Strides;
  valueStrides: Strides;
  outputStrides: Strides;
  pastKeyStrides: Strides;
  pastValueStrides: Strides;
  presentKeyStrides: Strides;
  presentValueStrides: Strides;
  outputShape: Shape;
  presentKeyShape: Shape;
  presentValueShape: Shape;
  /** The axes that masks, weights and logSumExp have before the row: `[B, H]`, `[B]` or none. */
  leadingShape: Shape;
}

function arrangementOf(operation: string, query: Operand, options: ScaledDotProductAttentionOptions): Arrangement {
  const rank = query.shape.length;
  const layouts = ["BHLD", "BLHD", "LBHD"] as const;
  const layout = options.layout === undefined ? "BHLD" : checkChoice(operation, "layout", options.layout, layouts);
  if (rank === 4) return layout;
  if (layout !== "BHLD") {
    throw codedTypeError(
      "ERR_INVALID_TYPE",
      `${operation}: layout: "${layout}" is for rank-4 inputs, got rank ${rank}`,
    );
  }
  if (rank === 3) return options.numHeads === undefined ? "batch" : "packed";
  if (rank === 2) return "matrix";
  throw shapeError(operation, "query", "rank 2, 3 or 4", query.shape);
}

function sizesOf(arrangement: Arrangement, shape: Shape, heads: number): Sizes {
  switch (arrangement) {
    case "BHLD":
      return { batch: shape[0], heads: shape[1], rows: shape[2], size: shape[3] };
    case "BLHD":
      return { batch: shape[0], heads: shape[2], rows: shape[1], size: shape[3] };
    case "LBHD":
      return { batch: shape[1], heads: shape[2], rows: shape[0], size: shape[3] };
    case "packed":
      return { batch: shape[0], heads, rows: shape[1], size: shape[2] / heads };
    case "batch":
      return { batch: shape[0], heads: 1, rows: shape[1], size: shape[2] };
    case "matrix":
      return { batch: 1, heads: 1, rows: shape[0], size: shape[1] };
  }
}

function shapeOf(arrangement: Arrangement, { batch, heads, rows, size }: Sizes): Shape {
  switch (arrangement) {
    case "BHLD":
      return [batch, heads, rows, size];
    case "BLHD":
      return [batch, rows, heads, size];
    case "LBHD":
      return [rows, batch, heads, size];
    case "packed":
      return [batch, rows, heads * size];
    case "batch":
      return [batch, rows, size];
    case "matrix":
      return [rows, size];
  }
}

function stridesOf(arrangement: Arrangement, { batch, heads, rows, size }: Sizes): Strides {
  switch (arrangement) {
    case "BLHD":
    case "packed":
      return { batch: rows * heads * size, head: size, row: heads * size };
    case "LBHD":
      return { batch: heads * size, head: size, row: batch * heads * size };
    default:
      return { batch: heads * rows * size, head: rows * size, row: size };
  }
}

/** ONNX's rank 3 has past and present as `[B, Hkv, ·, ·]`. */
const pastArrangement = (arrangement: Arrangement): Arrangement => (arrangement === "packed" ? "BHLD" : arrangement);

const describeShape = (shape: Shape): string => `shape [${shape.join(", ")}]`;

/** Checks the shapes of an attention call's inputs against each other. Throws TypeError and RangeError. */
export function readGeometry(
  operation: string,
  query: Operand,
  key: Operand,
  value: Operand,
  past: { key: Operand; value: Operand } | undefined,
  options: ScaledDotProductAttentionOptions,
): Geometry {
  const arrangement = arrangementOf(operation, query, options);
  for (const operand of [query, key, value]) {
    if (operand.shape.length !== query.shape.length) {
      throw shapeError(operation, operand.argument, `rank ${query.shape.length}, as query has`, operand.shape);
    }
    if (operand.shape.some((size) => size > LARGEST_SIZE)) {
      throw shapeError(operation, operand.argument, "sizes below 2^31", operand.shape);
    }
  }

  const numHeads =
    options.numHeads === undefined ? undefined : checkInteger(operation, "numHeads", options.numHeads, 1, LARGEST_SIZE);
  const numKvHeads =
    options.numKvHeads === undefined
      ? numHeads
      : checkInteger(operation, "numKvHeads", options.numKvHeads, 1, LARGEST_SIZE);
  if (numHeads === undefined && numKvHeads !== undefined) {
    throw codedTypeError("ERR_INVALID_TYPE", `${operation}: numKvHeads: needs numHeads`);
  }
  if (arrangement === "matrix" && numHeads !== undefined) {
    throw codedTypeError("ERR_INVALID_TYPE", `${operation}: numHeads: rank-2 inputs are one head, got ${numHeads}`);
  }
  if (numHeads !== undefined && numKvHeads !== undefined && numHeads % numKvHeads !== 0) {
    throw rangeError(operation, "numKvHeads", `a divisor of numHeads, ${numHeads}`, numKvHeads);
  }
  if (arrangement === "packed" && numHeads !== undefined && numKvHeads !== undefined) {
    const headsOf: [Operand, string, number][] = [
      [query, "numHeads", numHeads],
      [key, "numKvHeads", numKvHeads],
      [value, "numKvHeads", numKvHeads],
    ];
    for (const [operand, name, heads] of headsOf) {
      if (operand.shape[2] % heads !== 0) {
        throw shapeError(
          operation,
          operand.argument,
          `a last axis that is a multiple of ${name}, ${heads}`,
          operand.shape,
        );
      }
    }
  }

  const q = sizesOf(arrangement, query.shape, numHeads ?? 1);
  const k = sizesOf(arrangement, key.shape, numKvHeads ?? 1);
  const v = sizesOf(arrangement, value.shape, numKvHeads ?? 1);

  if (q.heads < 1 || q.size < 1) {
    throw shapeError(operation, "query", "at least one head and a head size of at least 1", query.shape);
  }
  if (numHeads !== undefined && q.heads !== numHeads) {
    throw shapeError(operation, "query", `${numHeads} heads, as numHeads says`, query.shape);
  }
  if (numKvHeads !== undefined && options.numKvHeads !== undefined && k.heads !== numKvHeads) {
    throw shapeError(operation, "key", `${numKvHeads} heads, as numKvHeads says`, key.shape);
  }
  const expectedKey = { ...k, batch: q.batch, size: q.size };
  if (k.batch !== q.batch || k.size !== q.size) {
    throw shapeError(
      operation,
      "key",
      `${describeShape(shapeOf(arrangement, expectedKey))}, with the query's batch and head size`,
      key.shape,
    );
  }
  if (k.heads < 1 || q.heads % k.heads !== 0) {
    throw shapeError(operation, "key", `a number of heads that divides the query's ${q.heads}`, key.shape);
  }
  if (v.batch !== k.batch || v.heads !== k.heads || v.rows !== k.rows) {
    const expected = shapeOf(arrangement, { ...k, size: v.size });
    throw shapeError(operation, "value", `${describeShape(expected)}, as the key has it`, value.shape);
  }
  if (v.size < 1) throw shapeError(operation, "value", "a head size of at least 1", value.shape);

  const pastLength = past === undefined ? 0 : readPastLength(operation, arrangement, k, v, past);
  const keyLength = pastLength + k.rows;
  if (keyLength > LARGEST_SIZE) {
    throw shapeError(
      operation,
      "pastKey",
      `fewer than 2^31 keys together with the new ${k.rows}`,
      past?.key.shape ?? [],
    );
  }
  const output = { ...q, size: v.size };
  const pastAxes = pastArrangement(arrangement);
  const pastKey = { ...k, rows: pastLength };
  const pastValue = { ...v, rows: pastLength };
  const presentKey = { ...k, rows: keyLength };
  const presentValue = { ...v, rows: keyLength };
  const leading: Partial<Record<Arrangement, Shape>> = { batch: [q.batch], matrix: [] };
  return {
    batch: q.batch,
    heads: q.heads,
    keyHeads: k.heads,
    queryLength: q.rows,
    newLength: k.rows,
    pastLength,
    keyLength,
    headSize: q.size,
    valueHeadSize: v.size,
    queryStrides: stridesOf(arrangement, q),
    keyStrides: stridesOf(arrangement, k),
    valueStrides: stridesOf(arrangement, v),
    outputStrides: stridesOf(arrangement, output),
    pastKeyStrides: stridesOf(pastAxes, pastKey),
    pastValueStrides: stridesOf(pastAxes, pastValue),
    presentKeyStrides: stridesOf(pastAxes, presentKey),
    presentValueStrides: stridesOf(pastAxes, presentValue),
    outputShape: shapeOf(arrangement, output),
    presentKeyShape: shapeOf(pastAxes, presentKey),
    presentValueShape: shapeOf(pastAxes, presentValue),
    leadingShape: leading[arrangement] ?? [q.batch, q.heads],
  };
}

function readPastLength(
  operation: string,
  arrangement: Arrangement,
  key: Sizes,
  value: Sizes,
  past: { key: Operand; value: Operand },
): number {
  const axes = pastArrangement(arrangement);
  const rank = shapeOf(axes, key).length;
  for (const operand of [past.key, past.value]) {
    if (operand.shape.length !== rank) throw shapeError(operation, operand.argument, `rank ${rank}`, operand.shape);
  }
  const pastLength = sizesOf(axes, past.key.shape, key.heads).rows;
  const pairs: [Operand, Sizes][] = [
    [past.key, key],
    [past.value, value],
  ];
  for (const [operand, sizes] of pairs) {
    const expected = shapeOf(axes, { ...sizes, rows: pastLength });
    if (operand.shape.some((size, axis) => size !== expected[axis])) {
      throw shapeError(operation, operand.argument, describeShape(expected), operand.shape);
    }
  }
  return pastLength;
}

/** Query, key and their past share a float dtype; values and theirs may have another. Throws a TypeError. */
export function readDTypes(
  operation: string,
  query: Operand,
  key: Operand,
  value: Operand,
  past: { key: Operand; value: Operand } | undefined,
): { dtype: FloatDType; valueDType: FloatDType } {
  const floatDType = (operand: Operand): FloatDType => {
    if (isFloat(operand.dtype)) return operand.dtype;
    throw typeError(operation, operand.argument, "float32, float16 or bfloat16", operand.dtype);
  };
  const dtype = floatDType(query);
  const valueDType = floatDType(value);
  const expectations: [Operand | undefined, FloatDType, string][] = [
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
