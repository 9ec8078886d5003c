/**
 * Scaled dot-product attention as docs/semantics.md defines it, in plain loops: the oracle that the package is judged by.
 *
 * Written from that page alone, with nothing of the package. Section numbers in the comments are that page's.
 * Letters: B batch, H query heads, Hkv key heads, L queries, P past keys, S new keys, T = P + S, D, Dv head sizes.
 */
import { keptKeys } from "./philox.js";

/** Values of a tensor, already widened: 16-bit floats as the numbers they stand for. */
export interface OracleTensor {
  readonly data: ArrayLike<number>;
  readonly shape: readonly number[];
}

export interface OracleMask extends OracleTensor {
  /** "bool": non-zero attends. "float": added; −Infinity masks. */
  readonly kind: "bool" | "float";
}

export interface ChosenWeights {
  readonly heads?: readonly number[];
  readonly rows?: readonly number[];
  readonly averageHeads?: boolean;
}

export type WeightsMode = 0 | 1 | 2 | 3 | 4;

export interface OracleOptions {
  readonly attnMask?: OracleMask;
  readonly isCausal?: boolean;
  readonly causalAlignment?: "upper-left" | "lower-right";
  readonly leftWindowSize?: number;
  readonly rightWindowSize?: number;
  /** [B] */
  readonly keyLengths?: readonly number[];
  /** [H] or [B, H] */
  readonly alibiSlopes?: OracleTensor;
  /** [H] */
  readonly sinks?: ArrayLike<number>;
  readonly softcap?: number;
  readonly scale?: number;
  readonly pastKey?: OracleTensor;
  readonly pastValue?: OracleTensor;
  readonly dropoutP?: number;
  readonly seed?: number | bigint;
  /** "LBHD" has the rows first of all, as a sequence-first model has them. */
  readonly layout?: "BHLD" | "BLHD" | "LBHD";
  readonly numHeads?: number;
  readonly numKvHeads?: number;
  readonly needWeights?: boolean | ChosenWeights;
  readonly weightsMode?: WeightsMode;
}

export interface OracleResult {
  readonly output: OracleTensor;
  readonly weights?: OracleTensor;
  readonly logSumExp: OracleTensor;
  readonly presentKey?: OracleTensor;
  readonly presentValue?: OracleTensor;
}

/**
 * The shapes of section 1.1:
 * "heads" [B, H, L, D]; "rows" [B, L, H, D]; "packed" [B, L, H·D] with numHeads; "single" [B, L, D]; "flat" [L, D];
 * and "sequence" [L, B, H, D].
 */
export type Form = "heads" | "rows" | "sequence" | "packed" | "single" | "flat";

/** One call, with every tensor brought to [B, heads, rows, width] and the past put before the new keys. */
export interface Problem {
  readonly form: Form;
  readonly options: OracleOptions;
  readonly batch: number;
  readonly heads: number;
  readonly keyHeads: number;
  readonly queries: number;
  readonly pastKeys: number;
  readonly keys: number;
  readonly size: number;
  readonly valueSize: number;
  /** [B, H, L, D] */
  readonly query: Float64Array;
  /** [B, Hkv, T, D] */
  readonly key: Float64Array;
  /** [B, Hkv, T, Dv] */
  readonly value: Float64Array;
  readonly mask?: BroadcastMask;
  /** Query heads and query rows whose weights are asked for, in the order asked; absent without needWeights. */
  readonly chosen?: { readonly heads: readonly number[]; readonly rows: readonly number[]; readonly average: boolean };
}

export interface BroadcastMask {
  readonly kind: "bool" | "float";
  readonly data: ArrayLike<number>;
  /** Steps along B, H, L and T; 0 where the mask broadcasts. */
  readonly strides: readonly [number, number, number, number];
  /** Keys that the mask's last axis covers: T, or fewer where keyLengths hide the others (4.2). */
  readonly width: number;
}

/** What one query row of one head comes to, key by key where not said otherwise. */
export interface Row {
  readonly visible: Uint8Array;
  readonly raw: Float64Array;
  readonly capped: Float64Array;
  readonly score: Float64Array;
  readonly weights: Float64Array;
  /** Weights after dropout. */
  readonly dropped: Float64Array;
  /**
   * |scale| Σ_d |q_d k_jd| + |slope| |p − j| + |mask_j|, the size of the numbers that a score is made of (8.2's a, a key);
   * an infinite mask_j adds none.
   */
  readonly magnitude: Float64Array;
  /** [Dv] */
  readonly output: Float64Array;
  readonly logSumExp: number;
  /** Some visible finite score is made of products that float32 may not hold: it depends on the order of additions. */
  readonly overflows: boolean;
  /** "masked": no visible score above −Infinity (5.1). "invalid": NaN or +Infinity among them (6.2). */
  readonly state: "normal" | "masked" | "invalid";
}

/** float64, or naive float32: every operation rounded. */
export type Precision = "double" | "single";

/** Section 4.4. */
const SCORE_LIMIT = 2 ** 126;

function requireThat(holds: boolean, what: string): asserts holds {
  if (!holds) {
    throw new Error(`oracle: ${what}`);
  }
}

function formOf(query: OracleTensor, options: OracleOptions): Form {
  switch (query.shape.length) {
    case 4:
      return options.layout === "LBHD" ? "sequence" : options.layout === "BLHD" ? "rows" : "heads";
    case 3:
      return options.numHeads === undefined ? "single" : "packed";
    default:
      requireThat(query.shape.length === 2, "query has rank 2 to 4");
      return "flat";
  }
}

/** Past and present have an axis of heads also where the call packs them (1.1). */
export function formOfPast(form: Form): Form {
  return form === "packed" ? "heads" : form;
}

export interface Extent {
  readonly batch: number;
  readonly heads: number;
  readonly rows: number;
  readonly width: number;
}

/** Sizes of one tensor. A packed tensor tells its heads only together with numHeads or numKvHeads. */
function extentOf(tensor: OracleTensor, form: Form, packedHeads: number): Extent {
  const shape = tensor.shape;
  switch (form) {
    case "heads":
      return { batch: shape[0], heads: shape[1], rows: shape[2], width: shape[3] };
    case "rows":
      return { batch: shape[0], heads: shape[2], rows: shape[1], width: shape[3] };
    case "sequence":
      return { batch: shape[1], heads: shape[2], rows: shape[0], width: shape[3] };
    case "packed":
      return { batch: shape[0], heads: packedHeads, rows: shape[1], width: shape[2] / packedHeads };
    case "single":
      return { batch: shape[0], heads: 1, rows: shape[1], width: shape[2] };
    case "flat":
      return { batch: 1, heads: 1, rows: shape[0], width: shape[1] };
  }
}

/** Shape of a tensor of the given sizes, in a form. */
function shapeIn(form: Form, { batch, heads, rows, width }: Extent): number[] {
  switch (form) {
    case "heads":
      return [batch, heads, rows, width];
    case "rows":
      return [batch, rows, heads, width];
    case "sequence":
      return [rows, batch, heads, width];
    case "packed":
      return [batch, rows, heads * width];
    case "single":
      return [batch, rows, width];
    case "flat":
      return [rows, width];
  }
}

/** Where a row begins. */
function rowStart(form: Form, extent: Extent, b: number, h: number, row: number): number {
  const { batch, heads, rows, width } = extent;
  switch (form) {
    case "rows":
    case "packed":
      return ((b * rows + row) * heads + h) * width;
    case "sequence":
      return ((row * batch + b) * heads + h) * width;
    default:
      return ((b * heads + h) * rows + row) * width;
  }
}

/** [B, heads, rows, width] of one tensor, or of several one after another along the rows. */
export function gather(parts: readonly { tensor: OracleTensor; form: Form; extent: Extent }[]): Float64Array {
  const { batch, heads, width } = parts[0].extent;
  const rows = parts.reduce((sum, part) => sum + part.extent.rows, 0);
  const gathered = new Float64Array(batch * heads * rows * width);
  let next = 0;
  for (let b = 0; b < batch; b++) {
    for (let h = 0; h < heads; h++) {
      for (const { tensor, form, extent } of parts) {
        for (let row = 0; row < extent.rows; row++) {
          const start = rowStart(form, extent, b, h, row);
          for (let i = 0; i < width; i++) {
            gathered[next++] = tensor.data[start + i];
          }
        }
      }
    }
  }
  return gathered;
}

/** The inverse of gather for one tensor. */
export function scatter(form: Form, extent: Extent, gathered: Float64Array): OracleTensor {
  const data = new Float64Array(gathered.length);
  for (let b = 0; b < extent.batch; b++) {
    for (let h = 0; h < extent.heads; h++) {
      for (let row = 0; row < extent.rows; row++) {
        const from = rowStart("heads", extent, b, h, row);
        data.set(gathered.subarray(from, from + extent.width), rowStart(form, extent, b, h, row));
      }
    }
  }
  return { data, shape: shapeIn(form, extent) };
}

function broadcastMask(
  mask: OracleMask,
  form: Form,
  full: readonly [number, number, number, number],
  keyLengths: readonly number[] | undefined,
): BroadcastMask {
  // The plain ranks have no heads, and rank 2 no batch: their masks lack the same axes (1.1).
  const missing = form === "flat" ? 2 : form === "single" ? 1 : 0;
  requireThat(mask.shape.length >= 1 && mask.shape.length <= 4 - missing, "mask rank");
  const axes = form === "single" ? [0, 2, 3] : [0, 1, 2, 3];
  const used = axes.slice(axes.length - mask.shape.length);
  const strides: [number, number, number, number] = [0, 0, 0, 0];
  let step = 1;
  for (let n = used.length - 1; n >= 0; n--) {
    const axis = used[n];
    const length = mask.shape[n];
    const shortLast =
      axis === 3 && length > 1 && length < full[3] && keyLengths !== undefined && keyLengths.every((k) => k <= length);
    requireThat(length === 1 || length === full[axis] || shortLast, `mask axis ${axis}`);
    strides[axis] = length === 1 ? 0 : step;
    step *= length;
  }
  const last = mask.shape[mask.shape.length - 1];
  return { kind: mask.kind, data: mask.data, strides, width: last === 1 ? full[3] : last };
}

export function range(length: number): number[] {
  return Array.from({ length }, (_, i) => i);
}

/** Sections 1 and 4.1–4.2: the shapes, brought to one form. Wrong shapes throw an Error: the tests never mean them. */
export function describeProblem(
  query: OracleTensor,
  key: OracleTensor,
  value: OracleTensor,
  options: OracleOptions = {},
): Problem {
  const form = formOf(query, options);
  const queryExtent = extentOf(query, form, options.numHeads ?? 1);
  const packedKeyHeads = options.numKvHeads ?? options.numHeads ?? 1;
  const keyExtent = extentOf(key, form, packedKeyHeads);
  const valueExtent = extentOf(value, form, packedKeyHeads);
  const { batch, heads, rows: queries, width: size } = queryExtent;
  requireThat(keyExtent.batch === batch && valueExtent.batch === batch, "one batch size");
  requireThat(keyExtent.width === size, "key head size");
  requireThat(keyExtent.heads === valueExtent.heads && keyExtent.rows === valueExtent.rows, "value goes with key");
  requireThat(heads % keyExtent.heads === 0, "H is a multiple of Hkv");

  const keyParts = [{ tensor: key, form, extent: keyExtent }];
  const valueParts = [{ tensor: value, form, extent: valueExtent }];
  let pastKeys = 0;
  if (options.pastKey !== undefined && options.pastValue !== undefined) {
    requireThat(options.keyLengths === undefined, "a past excludes keyLengths");
    const pastForm = formOfPast(form);
    const pastKeyExtent = extentOf(options.pastKey, pastForm, 1);
    pastKeys = pastKeyExtent.rows;
    keyParts.unshift({ tensor: options.pastKey, form: pastForm, extent: pastKeyExtent });
    valueParts.unshift({ tensor: options.pastValue, form: pastForm, extent: extentOf(options.pastValue, pastForm, 1) });
  }
  const keys = pastKeys + keyExtent.rows;
  const choice = options.needWeights;
  return {
    form,
    options,
    batch,
    heads,
    keyHeads: keyExtent.heads,
    queries,
    pastKeys,
    keys,
    size,
    valueSize: valueExtent.width,
    query: gather([{ tensor: query, form, extent: queryExtent }]),
    key: gather(keyParts),
    value: gather(valueParts),
    mask: options.attnMask && broadcastMask(options.attnMask, form, [batch, heads, queries, keys], options.keyLengths),
    chosen:
      choice === undefined || choice === false
        ? undefined
        : {
            heads: (choice !== true && choice.heads) || range(heads),
            rows: (choice !== true && choice.rows) || range(queries),
            average: choice !== true && choice.averageHeads === true,
          },
  };
}

/** Section 3: query row i stands at position i + offset among the keys. */
export function offsetOf({ options, pastKeys, keys, queries }: Problem, b: number): number {
  if (options.causalAlignment === "lower-right") {
    return (options.keyLengths?.[b] ?? keys) - queries;
  }
  return pastKeys;
}

/** Where the mask holds what it says of a key within its width. */
export function maskIndex({ strides }: BroadcastMask, b: number, h: number, i: number, j: number): number {
  return b * strides[0] + h * strides[1] + i * strides[2] + j * strides[3];
}

/** The mask's value for a key; 0 where there is none, −Infinity for what a boolean mask hides. */
function maskValue(mask: BroadcastMask | undefined, b: number, h: number, i: number, j: number): number {
  if (mask === undefined) {
    return 0;
  }
  if (j >= mask.width) {
    return -Infinity;
  }
  const value = mask.data[maskIndex(mask, b, h, i, j)];
  if (mask.kind === "bool") {
    return value !== 0 ? 0 : -Infinity;
  }
  return value;
}

/** Section 2: j is visible when all of these hold. `masked` is the mask's value for it. */
function isVisible(options: OracleOptions, b: number, position: number, j: number, masked: number): boolean {
  const { keyLengths, leftWindowSize: left = -1, rightWindowSize: right = -1 } = options;
  return (
    (keyLengths === undefined || j < keyLengths[b]) &&
    masked !== -Infinity &&
    (options.isCausal !== true || j <= position) &&
    (left < 0 || j >= position - left) &&
    (right < 0 || j <= position + right)
  );
}

function slopeOf({ options, heads }: Problem, b: number, h: number): number {
  const slopes = options.alibiSlopes;
  if (slopes === undefined) {
    return 0;
  }
  return slopes.data[slopes.shape.length === 2 ? b * heads + h : h];
}

/** Section 2 from raw to output, for one query row of one head. */
export function attendRow(problem: Problem, b: number, h: number, i: number, precision: Precision): Row {
  const single = precision === "single";
  const rounded = (x: number): number => (single ? Math.fround(x) : x);
  const { options, keys, size, valueSize, mask } = problem;
  const scale = rounded(options.scale ?? 1 / Math.sqrt(size));
  const softcap = rounded(options.softcap ?? 0);
  const slope = rounded(slopeOf(problem, b, h));
  const sink = rounded(options.sinks?.[h] ?? -Infinity);
  const position = i + offsetOf(problem, b);
  const keyHead = Math.floor(h / (problem.heads / problem.keyHeads));
  const queryStart = ((b * problem.heads + h) * problem.queries + i) * size;
  const keyStart = (b * problem.keyHeads + keyHead) * keys * size;
  const valueStart = (b * problem.keyHeads + keyHead) * keys * valueSize;

  const raw = new Float64Array(keys);
  const capped = new Float64Array(keys);
  const score = new Float64Array(keys);
  const visible = new Uint8Array(keys);
  const magnitude = new Float64Array(keys);
  let overflows = false;
  for (let j = 0; j < keys; j++) {
    let sum = 0;
    let sumOfMagnitudes = 0;
    for (let d = 0; d < size; d++) {
      const product = rounded(problem.query[queryStart + d] * problem.key[keyStart + j * size + d]);
      sum = rounded(sum + product);
      sumOfMagnitudes += Math.abs(product);
    }
    raw[j] = rounded(scale * sum);
    capped[j] = softcap > 0 ? rounded(softcap * rounded(Math.tanh(rounded(raw[j] / softcap)))) : raw[j];
    const masked = maskValue(mask, b, h, i, j);
    visible[j] = isVisible(options, b, position, j, masked) ? 1 : 0;
    const distance = rounded(slope * Math.abs(position - j));
    score[j] = visible[j] ? rounded(rounded(capped[j] - distance) + masked) : -Infinity;
    const largest = Math.max(1, Math.abs(scale)) * sumOfMagnitudes;
    overflows ||= visible[j] === 1 && largest > SCORE_LIMIT && Number.isFinite(largest);
    magnitude[j] =
      Math.abs(scale) * sumOfMagnitudes + Math.abs(distance) + (Number.isFinite(masked) ? Math.abs(masked) : 0);
  }

  const weights = new Float64Array(keys);
  const output = new Float64Array(valueSize);
  const { state, logSumExp } = softmaxWithSink(score, visible, sink, weights, rounded);

  const { dropoutP = 0, seed } = options;
  const dropped = weights.slice();
  if (dropoutP > 0) {
    requireThat(seed !== undefined, "dropout has a seed");
    const kept = keptKeys(seed, dropoutP, b, h, i, keys);
    for (let j = 0; j < keys; j++) {
      // An invalid row stays NaN at every visible key (6.2), dropped or not, and 0 at hidden ones.
      dropped[j] = kept[j] || (state === "invalid" && visible[j]) ? rounded(weights[j] / rounded(1 - dropoutP)) : 0;
    }
  }

  // A masked row's output is 0 whatever v holds (5.1).
  if (state === "invalid") {
    output.fill(NaN);
  } else if (state === "normal") {
    for (let d = 0; d < valueSize; d++) {
      let sum = 0;
      for (let j = 0; j < keys; j++) {
        if (visible[j]) {
          sum = rounded(sum + rounded(dropped[j] * problem.value[valueStart + j * valueSize + d]));
        }
      }
      output[d] = sum;
    }
  }
  return { visible, raw, capped, score, weights, dropped, magnitude, overflows, output, logSumExp, state };
}

/** The softmax step of section 2, with 4.4, 5 and 6.2. Fills in the weights. */
function softmaxWithSink(
  score: Float64Array,
  visible: Uint8Array,
  sink: number,
  weights: Float64Array,
  rounded: (x: number) => number,
): { state: Row["state"]; logSumExp: number } {
  const keys = score.length;
  let invalid = Number.isNaN(sink) || sink === Infinity;
  let largestScore = -Infinity;
  const clamped = new Float64Array(keys);
  for (let j = 0; j < keys; j++) {
    if (!visible[j]) {
      continue;
    }
    const s = score[j];
    invalid ||= Number.isNaN(s) || s === Infinity;
    clamped[j] = Number.isFinite(s) ? Math.min(Math.max(s, -SCORE_LIMIT), SCORE_LIMIT) : s;
    largestScore = Math.max(largestScore, clamped[j]);
  }
  if (invalid) {
    for (let j = 0; j < keys; j++) {
      weights[j] = visible[j] ? NaN : 0;
    }
    return { state: "invalid", logSumExp: NaN };
  }
  if (largestScore === -Infinity) {
    return { state: "masked", logSumExp: sink };
  }
  const maximum = Math.max(largestScore, sink);
  let sum = 0;
  for (let j = 0; j < keys; j++) {
    if (visible[j]) {
      weights[j] = rounded(Math.exp(rounded(clamped[j] - maximum)));
      sum = rounded(sum + weights[j]);
    }
  }
  sum = rounded(sum + rounded(Math.exp(rounded(sink - maximum))));
  for (let j = 0; j < keys; j++) {
    weights[j] = rounded(weights[j] / sum);
  }
  return { state: "normal", logSumExp: rounded(maximum + rounded(Math.log(sum))) };
}

/** The numbers of a row that a `weightsMode` shows. */
export function rowInMode(row: Row, mode: WeightsMode): Float64Array {
  return [row.raw, row.capped, row.score, row.weights, row.dropped][mode];
}

/** Places of one row's results in the flat result arrays. */
export interface RowPlace {
  readonly b: number;
  readonly h: number;
  readonly i: number;
  /** Index of the output's first element. */
  readonly output: number;
  readonly logSumExp: number;
  /** Index of the first weight in [B, chosen heads, chosen rows, T], once for every time that the row is asked for. */
  readonly weights: readonly number[];
}

function outputExtent({ batch, heads, queries, valueSize }: Problem): Extent {
  return { batch, heads, rows: queries, width: valueSize };
}

/** Every query row of every head, with the places that its results go to. */
export function* rowPlaces(problem: Problem): Generator<RowPlace> {
  const { form, batch, heads, queries, keys, chosen } = problem;
  for (let b = 0; b < batch; b++) {
    for (let h = 0; h < heads; h++) {
      const headPlaces = chosen ? range(chosen.heads.length).filter((n) => chosen.heads[n] === h) : [];
      for (let i = 0; i < queries; i++) {
        const weights: number[] = [];
        if (chosen && headPlaces.length > 0) {
          const rowsAsked = range(chosen.rows.length).filter((n) => chosen.rows[n] === i);
          for (const headPlace of headPlaces) {
            for (const rowPlace of rowsAsked) {
              weights.push(((b * chosen.heads.length + headPlace) * chosen.rows.length + rowPlace) * keys);
            }
          }
        }
        const output = rowStart(form, outputExtent(problem), b, h, i);
        yield { b, h, i, output, logSumExp: (b * heads + h) * queries + i, weights };
      }
    }
  }
}

/** Result shapes (1.1, 1.4). `weights` is that of averaged heads where they are asked for. */
export function resultShapes(problem: Problem): { output: number[]; logSumExp: number[]; weights?: number[] } {
  const { form, batch, heads, queries, keys, chosen } = problem;
  const leading = form === "flat" ? [] : [batch];
  const headAxis = (count: number): number[] => (form === "flat" || form === "single" ? [] : [count]);
  return {
    output: shapeIn(form, outputExtent(problem)),
    logSumExp: [...leading, ...headAxis(heads), queries],
    weights: chosen && [...leading, ...(chosen.average ? [] : headAxis(chosen.heads.length)), chosen.rows.length, keys],
  };
}

/** Mean over the chosen heads of [B, heads, rows, T], summed by ascending head index, then divided (2). */
export function averageOverHeads(problem: Problem, weights: Float64Array, precision: Precision): Float64Array {
  const { batch, keys, chosen } = problem;
  requireThat(chosen !== undefined, "weights were asked for");
  const rounded = (x: number): number => (precision === "single" ? Math.fround(x) : x);
  const plane = chosen.rows.length * keys;
  const count = chosen.heads.length;
  const ascending = range(count).sort((x, y) => chosen.heads[x] - chosen.heads[y]);
  const mean = new Float64Array(batch * plane);
  for (let b = 0; b < batch; b++) {
    for (let n = 0; n < plane; n++) {
      let sum = 0;
      for (const head of ascending) {
        sum = rounded(sum + weights[(b * count + head) * plane + n]);
      }
      mean[b * plane + n] = rounded(sum / count);
    }
  }
  return mean;
}

/** presentKey and presentValue (1.3), in the form that the call has them in; absent without a past. */
export function present(problem: Problem): { presentKey?: OracleTensor; presentValue?: OracleTensor } {
  if (problem.options.pastKey === undefined) {
    return {};
  }
  const form = formOfPast(problem.form);
  const { batch, keyHeads: heads, keys: rows } = problem;
  return {
    presentKey: scatter(form, { batch, heads, rows, width: problem.size }, problem.key),
    presentValue: scatter(form, { batch, heads, rows, width: problem.valueSize }, problem.value),
  };
}

/** The whole operation. Shapes as section 1 has them; weights only with needWeights. */
export function attention(
  query: OracleTensor,
  key: OracleTensor,
  value: OracleTensor,
  options: OracleOptions = {},
  precision: Precision = "double",
): OracleResult {
  const problem = describeProblem(query, key, value, options);
  const { batch, heads, queries, keys, valueSize, chosen } = problem;
  const output = new Float64Array(batch * heads * queries * valueSize);
  const logSumExp = new Float64Array(batch * heads * queries);
  const weights = new Float64Array(chosen ? batch * chosen.heads.length * chosen.rows.length * keys : 0);
  for (const place of rowPlaces(problem)) {
    const row = attendRow(problem, place.b, place.h, place.i, precision);
    output.set(row.output, place.output);
    logSumExp[place.logSumExp] = row.logSumExp;
    for (const start of place.weights) {
      weights.set(rowInMode(row, options.weightsMode ?? 3), start);
    }
  }
  const shapes = resultShapes(problem);
  return {
    output: { data: output, shape: shapes.output },
    logSumExp: { data: logSumExp, shape: shapes.logSumExp },
    weights: shapes.weights && {
      data: chosen?.average ? averageOverHeads(problem, weights, precision) : weights,
      shape: shapes.weights,
    },
    ...present(problem),
  };
}
