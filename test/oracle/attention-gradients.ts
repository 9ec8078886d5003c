/**
 * Gradients of scaled dot-product attention as docs/training.md 1 defines them, in plain loops: the oracle that the
 * package's backward pass is judged by.
 *
 * Written from that page alone, over the rows of the forward oracle. Section numbers without a page are that page's;
 * letters are those of `attention.ts`.
 */
import {
  attendRow,
  describeProblem,
  formOfPast,
  gather,
  maskIndex,
  offsetOf,
  range,
  rowPlaces,
  scatter,
  type OracleOptions,
  type OracleTensor,
  type Precision,
  type Problem,
  type Row,
  type RowPlace,
} from "./attention.js";
import { keptKeys } from "./philox.js";

/** Gradients of the results, each in its result's shape; those that aren't there are 0. */
export interface Cotangents {
  readonly output?: OracleTensor;
  readonly logSumExp?: OracleTensor;
  /** Of the weights that the options ask for, in their mode: 2, 3 or 4 (1.6). */
  readonly weights?: OracleTensor;
  readonly presentKey?: OracleTensor;
  readonly presentValue?: OracleTensor;
}

/** Each in its input's shape; absent where the call has no such input, or a boolean mask, which has no gradient. */
export interface Gradients {
  readonly query: OracleTensor;
  readonly key: OracleTensor;
  readonly value: OracleTensor;
  readonly pastKey?: OracleTensor;
  readonly pastValue?: OracleTensor;
  readonly attnMask?: OracleTensor;
  readonly alibiSlopes?: OracleTensor;
  readonly sinks?: OracleTensor;
}

/** What one query row of one head hands to the sums, key by key where not said otherwise. */
export interface RowTerms {
  /** Only these keys enter any sum. */
  readonly visible: Uint8Array;
  /** Factor of k for the query, and of q for the key. */
  readonly draw: Float64Array;
  /** What the mask gets, and times −|p − j| the slope. */
  readonly dscore: Float64Array;
  /** Factor of dO for the value. */
  readonly dropped: Float64Array;
  /** dO, [Dv] */
  readonly outputGradient: Float64Array;
  /** What the head's sink gets from this row. */
  readonly sink: number;
}

/** What a row's terms are made of besides. */
export interface RowGradient extends RowTerms {
  readonly row: Row;
  /** κ */
  readonly keep: Float64Array;
  /** G2, G3 and G4: at most one of them is not 0 everywhere. */
  readonly scoresGradient: Float64Array;
  readonly weightsGradient: Float64Array;
  readonly droppedGradient: Float64Array;
  /** dL */
  readonly logSumExpGradient: number;
  /** δ */
  readonly delta: number;
}

/** The sums over rows and keys: [B, H, L, D], [B, Hkv, T, D], [B, Hkv, T, Dv], and in the inputs' own shapes. */
export interface Sums {
  readonly query: Float64Array;
  readonly key: Float64Array;
  readonly value: Float64Array;
  readonly attnMask: Float64Array;
  readonly alibiSlopes: Float64Array;
  readonly sinks: Float64Array;
}

type Rounding = (x: number) => number;

export function roundingOf(precision: Precision): Rounding {
  return precision === "single" ? Math.fround : (x) => x;
}

/** The gradient that a row's weights get, summed over the times that they are asked for, divided for a mean (1.6). */
function gradientOfWeights(
  problem: Problem,
  place: RowPlace,
  { weights }: Cotangents,
  rounded: Rounding,
): Float64Array {
  const { keys, chosen } = problem;
  const gradient = new Float64Array(keys);
  if (weights === undefined || chosen === undefined) {
    return gradient;
  }
  const plane = chosen.rows.length * keys;
  const count = chosen.heads.length;
  for (const start of place.weights) {
    // Places are those of [B, heads, rows, T]; the mean lacks the heads.
    const first = chosen.average ? place.b * plane + (start % plane) : start;
    for (let j = 0; j < keys; j++) {
      const given = weights.data[first + j];
      gradient[j] = rounded(gradient[j] + (chosen.average ? rounded(given / count) : given));
    }
  }
  return gradient;
}

/** The table's first rows: from the results' gradients to those of the scores, for one query row of one head. */
export function rowGradient(
  problem: Problem,
  cotangents: Cotangents,
  place: RowPlace,
  precision: Precision,
): RowGradient {
  const { options, keys, valueSize } = problem;
  const { b, h, i } = place;
  const rounded = roundingOf(precision);
  const row = attendRow(problem, b, h, i, precision);
  const { visible } = row;
  const mode = options.weightsMode ?? 3;
  const none = new Float64Array(keys);
  const given = gradientOfWeights(problem, place, cotangents, rounded);
  const [scoresGradient, weightsGradient, droppedGradient] = [2, 3, 4].map((n) => (n === mode ? given : none));
  const logSumExpGradient = cotangents.logSumExp?.data[place.logSumExp] ?? 0;
  const outputGradient = new Float64Array(valueSize);
  for (let d = 0; d < valueSize; d++) {
    outputGradient[d] = cotangents.output?.data[place.output + d] ?? 0;
  }

  const { dropoutP = 0, seed } = options;
  const keep = new Float64Array(keys).fill(1);
  if (dropoutP > 0) {
    const kept = keptKeys(seed!, dropoutP, b, h, i, keys);
    for (let j = 0; j < keys; j++) {
      keep[j] = kept[j] ? rounded(1 / rounded(1 - dropoutP)) : 0;
    }
  }

  const dscore = new Float64Array(keys);
  const draw = new Float64Array(keys);
  let delta = 0;
  // A fully masked row gives 0, whatever it is made of (1.3).
  if (row.state !== "masked") {
    const keyHead = Math.floor(h / (problem.heads / problem.keyHeads));
    const values = problem.value.subarray((b * problem.keyHeads + keyHead) * keys * valueSize);
    const dweight = new Float64Array(keys);
    for (let j = 0; j < keys; j++) {
      if (visible[j]) {
        let sum = 0;
        for (let d = 0; d < valueSize; d++) {
          sum = rounded(sum + rounded(outputGradient[d] * values[j * valueSize + d]));
        }
        dweight[j] = rounded(rounded(keep[j] * rounded(sum + droppedGradient[j])) + weightsGradient[j]);
        delta = rounded(delta + rounded(row.weights[j] * dweight[j]));
      }
    }
    for (let j = 0; j < keys; j++) {
      if (visible[j]) {
        const through = rounded(rounded(dweight[j] - delta) + logSumExpGradient);
        dscore[j] = rounded(rounded(row.weights[j] * through) + scoresGradient[j]);
        draw[j] = dscore[j];
        if (options.softcap !== undefined && options.softcap > 0) {
          const t = rounded(row.capped[j] / rounded(options.softcap));
          draw[j] = rounded(dscore[j] * rounded(1 - rounded(t * t)));
        }
      }
    }
  }
  return {
    visible: row.state === "masked" ? new Uint8Array(keys) : visible,
    draw,
    dscore,
    dropped: row.dropped,
    outputGradient,
    sink: gradientOfSink(problem, h, row, rounded(logSumExpGradient - delta), rounded),
    row,
    keep,
    scoresGradient,
    weightsGradient,
    droppedGradient,
    logSumExpGradient,
    delta,
  };
}

/** The weight of a head's sink in a row; 0 without one (1.3). */
export function sinkWeight({ options }: Problem, h: number, row: Row, rounded: Rounding): number {
  const sink = rounded(options.sinks?.[h] ?? -Infinity);
  return sink === -Infinity ? 0 : rounded(Math.exp(rounded(sink - row.logSumExp)));
}

function gradientOfSink(problem: Problem, h: number, row: Row, factor: number, rounded: Rounding): number {
  const isAbsent = (problem.options.sinks?.[h] ?? -Infinity) === -Infinity;
  return isAbsent ? 0 : rounded(sinkWeight(problem, h, row, rounded) * factor);
}

/** The table's last rows, in the order of 1.8, from each row's terms. */
export function sumTerms(problem: Problem, termsOf: (place: RowPlace) => RowTerms, rounded: Rounding): Sums {
  const { options, batch, heads, keyHeads, queries, keys, size, valueSize, mask } = problem;
  const scale = rounded(options.scale ?? 1 / Math.sqrt(size));
  const slopes = options.alibiSlopes;
  const sums = {
    query: new Float64Array(batch * heads * queries * size),
    key: new Float64Array(batch * keyHeads * keys * size),
    value: new Float64Array(batch * keyHeads * keys * valueSize),
    attnMask: new Float64Array(mask?.data.length ?? 0),
    alibiSlopes: new Float64Array(slopes?.data.length ?? 0),
    sinks: new Float64Array(options.sinks?.length ?? 0),
  };
  const add = (to: Float64Array, index: number, term: number): void => {
    to[index] = rounded(to[index] + term);
  };
  // What all heads and batches share is summed within one of them first.
  const shared = { attnMask: sums.attnMask.slice(), alibiSlopes: 0, sinks: 0 };
  for (const place of rowPlaces(problem)) {
    const { b, h, i } = place;
    const terms = termsOf(place);
    const position = i + offsetOf(problem, b);
    const queryStart = ((b * heads + h) * queries + i) * size;
    const keyRow = (b * keyHeads + Math.floor(h / (heads / keyHeads))) * keys;
    if (i === 0) {
      shared.attnMask.fill(0);
      shared.alibiSlopes = 0;
      shared.sinks = 0;
    }
    for (let j = 0; j < keys; j++) {
      if (terms.visible[j]) {
        for (let d = 0; d < size; d++) {
          const key = (keyRow + j) * size + d;
          add(sums.query, queryStart + d, rounded(terms.draw[j] * problem.key[key]));
          add(sums.key, key, rounded(terms.draw[j] * problem.query[queryStart + d]));
        }
        for (let d = 0; d < valueSize; d++) {
          add(sums.value, (keyRow + j) * valueSize + d, rounded(terms.dropped[j] * terms.outputGradient[d]));
        }
        if (mask) {
          add(shared.attnMask, maskIndex(mask, b, h, i, j), terms.dscore[j]);
        }
        shared.alibiSlopes = rounded(
          shared.alibiSlopes - (slopes ? rounded(Math.abs(position - j) * terms.dscore[j]) : 0),
        );
      }
    }
    shared.sinks = rounded(shared.sinks + terms.sink);
    if (i === queries - 1) {
      shared.attnMask.forEach((term, index) => add(sums.attnMask, index, term));
      if (slopes) {
        add(sums.alibiSlopes, slopes.shape.length === 2 ? b * heads + h : h, shared.alibiSlopes);
      }
      if (options.sinks) {
        add(sums.sinks, h, shared.sinks);
      }
    }
  }
  return {
    ...sums,
    query: sums.query.map((sum) => rounded(scale * sum)),
    key: sums.key.map((sum) => rounded(scale * sum)),
  };
}

/** The present is a copy of all keys, so its gradient adds to theirs (1.6). */
function addPresent(problem: Problem, sums: Sums, cotangents: Cotangents, rounded: Rounding): Sums {
  const form = formOfPast(problem.form);
  const added = (sum: Float64Array, gradient: OracleTensor | undefined, width: number): Float64Array => {
    if (gradient === undefined) {
      return sum;
    }
    const extent = { batch: problem.batch, heads: problem.keyHeads, rows: problem.keys, width };
    const given = gather([{ tensor: gradient, form, extent }]);
    return sum.map((x, index) => rounded(x + given[index]));
  };
  return {
    ...sums,
    key: added(sums.key, cotangents.presentKey, problem.size),
    value: added(sums.value, cotangents.presentValue, problem.valueSize),
  };
}

/** Sums as gradients of the call's inputs: in their forms, and the first P rows apart (1.7). */
export function inShapesOfInputs(problem: Problem, sums: Sums): Gradients {
  const { form, options, batch, heads, keyHeads, queries, keys, pastKeys, size, valueSize } = problem;
  const rowsOf = (sum: Float64Array, width: number, first: number, last: number): Float64Array =>
    Float64Array.from(
      range(batch * keyHeads).flatMap((head) =>
        Array.from(sum.subarray((head * keys + first) * width, (head * keys + last) * width)),
      ),
    );
  const past = (sum: Float64Array, width: number): OracleTensor =>
    scatter(formOfPast(form), { batch, heads: keyHeads, rows: pastKeys, width }, rowsOf(sum, width, 0, pastKeys));
  const fresh = (sum: Float64Array, width: number): OracleTensor =>
    scatter(form, { batch, heads: keyHeads, rows: keys - pastKeys, width }, rowsOf(sum, width, pastKeys, keys));
  const { attnMask, alibiSlopes, sinks, pastKey } = options;
  return {
    query: scatter(form, { batch, heads, rows: queries, width: size }, sums.query),
    key: fresh(sums.key, size),
    value: fresh(sums.value, valueSize),
    ...(pastKey && { pastKey: past(sums.key, size), pastValue: past(sums.value, valueSize) }),
    ...(attnMask?.kind === "float" && { attnMask: { data: sums.attnMask, shape: attnMask.shape } }),
    ...(alibiSlopes && { alibiSlopes: { data: sums.alibiSlopes, shape: alibiSlopes.shape } }),
    ...(sinks && { sinks: { data: sums.sinks, shape: [heads] } }),
  };
}

/** The sums with what the present gives. */
export function gradientSums(problem: Problem, cotangents: Cotangents, precision: Precision): Sums {
  const rounded = roundingOf(precision);
  const sums = sumTerms(problem, (place) => rowGradient(problem, cotangents, place, precision), rounded);
  return addPresent(problem, sums, cotangents, rounded);
}

/** The whole backward pass: gradients of Σ cotangent · result, over all results that have one. */
export function attentionGradients(
  query: OracleTensor,
  key: OracleTensor,
  value: OracleTensor,
  options: OracleOptions,
  cotangents: Cotangents,
  precision: Precision = "double",
): Gradients {
  const problem = describeProblem(query, key, value, options);
  return inShapesOfInputs(problem, gradientSums(problem, cotangents, precision));
}
