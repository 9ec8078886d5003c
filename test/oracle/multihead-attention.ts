/**
 * Multi-head attention as docs/semantics.md 9 defines it, in float64, on top of the attention oracle.
 * Letters: B batch, L queries, S keys, E embedDim, H numHeads, G numKvHeads, D headDim.
 */
import { attention, type OracleMask, type OracleTensor } from "./attention.js";
import type { RopeScaling } from "../../ts/entry/default.js";
import { linear } from "./linear.js";
import { rotaryEmbedding } from "./rotary-embedding.js";
import { rotaryFrequencies, rotaryTables } from "./rotary-frequencies.js";

export interface MultiheadConfiguration {
  readonly embedDim: number;
  readonly numHeads: number;
  readonly numKvHeads?: number;
  /** E / H by default. */
  readonly headDim?: number;
  readonly kdim?: number;
  readonly vdim?: number;
  readonly addZeroAttn?: boolean;
  readonly batchFirst?: boolean;
  readonly dropout?: number;
  /** Rotates q and k by their positions before bias_k is appended; rotaryDim 0 is the whole head. */
  readonly rotary?: {
    readonly base: number;
    readonly ropeScaling?: RopeScaling;
    readonly interleaved: boolean;
    readonly rotaryDim: number;
  };
  /** ALiBi's slopes; true: those of Press et al. */
  readonly alibi?: true | readonly number[];
}

/**
 * As `get_slopes` of the paper's code (github.com/ofirpress/attention_with_linear_biases) and `build_alibi_tensor` of
 * transformers' BLOOM have it: powers of a base, and for other numbers of heads every second of twice as many after them.
 */
export function alibiSlopes(heads: number): number[] {
  const closest = 2 ** Math.floor(Math.log2(heads));
  const powers = (count: number): number[] => {
    const base = 2 ** -(2 ** -(Math.log2(count) - 3));
    return Array.from({ length: count }, (_, n) => base ** (n + 1));
  };
  const between = powers(2 * closest).filter((_, n) => n % 2 === 0);
  return [...powers(closest), ...between.slice(0, heads - closest)];
}

/** PyTorch's state-dict names. What a configuration doesn't have is absent; bias_k and bias_v tell addBiasKv. */
export type MultiheadState = Readonly<Record<string, OracleTensor | undefined>>;

export type OraclePositions = number | readonly (readonly number[])[];

/** All positions of [B, length], and what follows the last one. */
function positionsOf(given: OraclePositions, batch: number, length: number): { all: number[]; end: number } {
  if (typeof given !== "number") return { all: given.flat(), end: Math.max(-1, ...given.flat()) + 1 };
  return { all: Array.from({ length: batch * length }, (_, n) => given + (n % length)), end: given + length };
}

export interface MultiheadCall {
  readonly keyPaddingMask?: OracleMask;
  readonly attnMask?: OracleMask;
  readonly isCausal?: boolean;
  /** [B]: the S keys from there on are hidden. */
  readonly keyLengths?: readonly number[];
  /** [B, L] and [B, S], or the first positions; 0 by default. */
  readonly positionIds?: OraclePositions;
  readonly keyPositionIds?: OraclePositions;
  readonly averageAttnWeights?: boolean;
  /** Dropout is applied in training mode only, and then has a seed. */
  readonly training?: boolean;
  readonly seed?: number | bigint;
}

export interface MultiheadResult {
  readonly output: OracleTensor;
  readonly weights: OracleTensor;
}

/** A torch mask as a number to add: bool true = masked, the opposite of attention's own. */
function addend(mask: OracleMask, index: number): number {
  const value = mask.data[index];
  if (mask.kind === "float") {
    return value;
  }
  return value !== 0 ? -Infinity : 0;
}

/** [B, n, width] of [n, B, width] (batch second) or of [n, width] (unbatched). */
function batchFirst(input: OracleTensor, isBatchFirst: boolean): { data: Float64Array; batch: number; rows: number } {
  const width = input.shape[input.shape.length - 1];
  if (input.shape.length === 2) {
    return { data: Float64Array.from(input.data), batch: 1, rows: input.shape[0] };
  }
  if (isBatchFirst) {
    return { data: Float64Array.from(input.data), batch: input.shape[0], rows: input.shape[1] };
  }
  const [rows, batch] = input.shape;
  const data = new Float64Array(rows * batch * width);
  for (let b = 0; b < batch; b++) {
    for (let row = 0; row < rows; row++) {
      for (let c = 0; c < width; c++) {
        data[(b * rows + row) * width + c] = input.data[(row * batch + b) * width + c];
      }
    }
  }
  return { data, batch, rows };
}

/** Weights and biases of the three in-projections, from the packed or the separate names. */
function inProjections(
  state: MultiheadState,
  { embedDim, numHeads, numKvHeads = numHeads, headDim = embedDim / numHeads }: MultiheadConfiguration,
): { weight: ArrayLike<number>; bias?: ArrayLike<number>; outFeatures: number }[] {
  const keyWidth = headDim * numKvHeads;
  const widths = [headDim * numHeads, keyWidth, keyWidth];
  const packed = state["in_proj_weight"];
  const bias = state["in_proj_bias"];
  let row = 0;
  return ["q", "k", "v"].map((name, n) => {
    const outFeatures = widths[n];
    const weight = packed
      ? Array.from(packed.data).slice(row * embedDim, (row + outFeatures) * embedDim)
      : state[`${name}_proj_weight`]!.data;
    const projection = { weight, bias: bias && Array.from(bias.data).slice(row, row + outFeatures), outFeatures };
    row += outFeatures;
    return projection;
  });
}

/** [B, rows, width] with `extra` rows appended to every batch. */
function appendRows(
  data: Float64Array,
  batch: number,
  rows: number,
  width: number,
  extra: readonly ArrayLike<number>[],
): Float64Array {
  const appended = new Float64Array(batch * (rows + extra.length) * width);
  for (let b = 0; b < batch; b++) {
    const start = b * (rows + extra.length) * width;
    appended.set(data.subarray(b * rows * width, (b + 1) * rows * width), start);
    extra.forEach((row, n) => appended.set(Array.from(row), start + (rows + n) * width));
  }
  return appended;
}

export function multiheadAttention(
  configuration: MultiheadConfiguration,
  state: MultiheadState,
  query: OracleTensor,
  key: OracleTensor,
  value: OracleTensor,
  call: MultiheadCall = {},
): MultiheadResult {
  const { embedDim, numHeads, numKvHeads = numHeads, rotary } = configuration;
  const size = configuration.headDim ?? embedDim / numHeads;
  const queryWidth = numHeads * size;
  const keyWidth = numKvHeads * size;
  const unbatched = query.shape.length === 2;
  const isBatchFirst = configuration.batchFirst ?? false;
  const [queryInput, keyInput, valueInput] = [query, key, value].map((input) => batchFirst(input, isBatchFirst));
  const { batch, rows: queries } = queryInput;
  const newKeys = keyInput.rows;

  const [toQuery, toKey, toValue] = inProjections(state, configuration);
  const project = (input: { data: Float64Array; rows: number }, to: typeof toQuery): Float64Array => {
    const rows = batch * input.rows;
    return linear(input.data, to.weight, to.bias, rows, input.data.length / Math.max(rows, 1), to.outFeatures);
  };
  let q = project(queryInput, toQuery);
  let k = project(keyInput, toKey);
  const v = project(valueInput, toValue);

  if (rotary) {
    const rotarySize = rotary.rotaryDim || size;
    const queryPositions = positionsOf(call.positionIds ?? 0, batch, queries);
    const keyPositions = positionsOf(call.keyPositionIds ?? 0, batch, newKeys);
    // The length that dynamic scaling goes by: of both sequences.
    const length = Math.max(1, queryPositions.end, keyPositions.end);
    const frequencies = rotaryFrequencies(rotarySize, rotary.base, rotary.ropeScaling, length);
    const rotate = (
      input: Float64Array,
      sequence: number,
      heads: number,
      positions: readonly number[],
    ): Float64Array => {
      const tables = rotaryTables(positions, frequencies);
      const rows = positions.map((_, row) => row);
      return rotaryEmbedding(input, tables.cosine, tables.sine, rows, {
        ...{ batch, sequence, heads, headSize: size, rotarySize },
        ...{ interleaved: rotary.interleaved, headsFirst: false },
      });
    };
    q = rotate(q, queries, numHeads, queryPositions.all);
    k = rotate(k, newKeys, numKvHeads, keyPositions.all);
  }

  // 9.4: the projected keys, then bias_k, then zeros.
  const zeros = new Float64Array(keyWidth);
  const extraKeys = [state["bias_k"]?.data, configuration.addZeroAttn ? zeros : undefined].filter((row) => row != null);
  const extraValues = [state["bias_v"]?.data, configuration.addZeroAttn ? zeros : undefined].filter((r) => r != null);
  const keys = newKeys + extraKeys.length;

  // 9.4 to 9.6: masks are added to one another in float32, cover the S keys only, and leave the extra ones visible.
  const mask = new Float64Array(batch * numHeads * queries * keys);
  const { keyPaddingMask, attnMask, isCausal = false, keyLengths } = call;
  for (let n = 0; n < mask.length; n++) {
    const j = n % keys;
    const i = Math.floor(n / keys) % queries;
    const plane = Math.floor(n / keys / queries);
    if (j >= newKeys) {
      continue;
    }
    const padding = keyPaddingMask ? addend(keyPaddingMask, Math.floor(plane / numHeads) * newKeys + j) : 0;
    const attnPlane = attnMask && attnMask.shape.length === 3 ? plane : 0;
    const added = attnMask ? addend(attnMask, (attnPlane * queries + i) * newKeys + j) : 0;
    const isBeyond = keyLengths !== undefined && j >= keyLengths[Math.floor(plane / numHeads)];
    mask[n] = isBeyond || (isCausal && j > i) ? -Infinity : Math.fround(padding + added);
  }

  const dropoutP = call.training ? (configuration.dropout ?? 0) : 0;
  const slopes = configuration.alibi === true ? alibiSlopes(numHeads) : configuration.alibi;
  const attended = attention(
    { data: q, shape: [batch, queries, queryWidth] },
    { data: appendRows(k, batch, newKeys, keyWidth, extraKeys), shape: [batch, keys, keyWidth] },
    { data: appendRows(v, batch, newKeys, keyWidth, extraValues), shape: [batch, keys, keyWidth] },
    {
      numHeads,
      numKvHeads,
      alibiSlopes: slopes && { data: Float32Array.from(slopes), shape: [numHeads] },
      attnMask: { data: mask, shape: [batch, numHeads, queries, keys], kind: "float" },
      dropoutP,
      seed: dropoutP > 0 ? call.seed : undefined,
      needWeights: { averageHeads: call.averageAttnWeights ?? true },
      weightsMode: 4,
    },
  );

  const outWeight = state["out_proj.weight"]!.data;
  const rows = batch * queries;
  const joined = linear(attended.output.data, outWeight, state["out_proj.bias"]?.data, rows, queryWidth, embedDim);
  const weights = attended.weights!;
  if (unbatched) {
    return {
      output: { data: joined, shape: [queries, embedDim] },
      weights: { data: weights.data, shape: weights.shape.slice(1) },
    };
  }
  if (isBatchFirst) {
    return { output: { data: joined, shape: [batch, queries, embedDim] }, weights };
  }
  // Back to batch second: the transpose of the transpose.
  const output = batchFirst({ data: joined, shape: [batch, queries, embedDim] }, false);
  return { output: { data: output.data, shape: [queries, batch, embedDim] }, weights };
}
