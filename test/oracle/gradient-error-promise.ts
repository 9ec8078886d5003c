/**
 * The error promise of docs/training.md 10 for the gradients of attention: what every element may be, given the float64
 * gradient r and the naive float32 computation n of the same widened inputs.
 */
import {
  attendRow,
  describeProblem,
  type OracleOptions,
  type OracleTensor,
  type Problem,
  type Row,
  type RowPlace,
} from "./attention.js";
import {
  gradientSums,
  inShapesOfInputs,
  rowGradient,
  sinkWeight,
  sumTerms,
  type Cotangents,
  type Gradients,
  type RowGradient,
  type RowTerms,
  type Sums,
} from "./attention-gradients.js";
import {
  expectation,
  expectWithin,
  isBeyondFloat32,
  RULE,
  scoreMagnitude,
  SMALLEST_WEIGHT_THAT_COUNTS,
  VALUE_SUM_LIMIT,
  type Expectation,
} from "./error-promise.js";

export type PromisedGradients = { readonly [Input in keyof Gradients]: Expectation };

const exactly = (x: number): number => x;
const finite = (x: number): number => (Number.isFinite(x) ? Math.abs(x) : 0);

/** From here on the rounding of the scores alone decides which key wins (8.2 of docs/semantics.md). */
const SCORE_MAGNITUDE_LIMIT = 2 ** 22;

/** a: where a row's scores are equal, so are their errors, however large the scores. */
function magnitudeOf(problem: Problem, h: number, { row }: RowGradient): number {
  const scores = row.score.filter((_, j) => row.visible[j] === 1);
  const hasSink = (problem.options.sinks?.[h] ?? -Infinity) !== -Infinity;
  return !hasSink && scores.every((score) => score === scores[0]) ? 0 : scoreMagnitude(row);
}

/** Σ |v_j| of a row's visible keys is beyond the promise in some column (6.3 of docs/semantics.md). */
function valuesAreHuge({ valueSize, value }: Problem, keyRow: number, visible: Uint8Array): boolean {
  const sums = new Float64Array(valueSize);
  visible.forEach((sees, j) => {
    for (let d = 0; sees && d < valueSize; d++) {
      sums[d] += Math.abs(value[(keyRow + j) * valueSize + d]);
    }
  });
  return sums.some((sum) => sum > VALUE_SUM_LIMIT);
}

/** What a softcap makes of the rounding errors of a score: 1 − t² changes 2 t (1 − t²) / softcap times as fast as it. */
function steepness(problem: Problem, { b, h, i }: RowPlace, { capped }: Row, j: number): number {
  const { options, heads, keyHeads, queries, keys, size, query, key } = problem;
  const { softcap = 0, scale = 1 / Math.sqrt(size) } = options;
  if (softcap === 0) return 1;
  const queryRow = ((b * heads + h) * queries + i) * size;
  const keyRow = ((b * keyHeads + Math.floor(h / (heads / keyHeads))) * keys + j) * size;
  let products = 0;
  for (let d = 0; d < size; d++) {
    products += Math.abs(query[queryRow + d] * key[keyRow + d]);
  }
  const t = capped[j] / softcap;
  const result = 1 + (2 * (1 - t * t) * Math.abs(scale) * products) / softcap;
  return Number.isFinite(result) ? result : 1;
}

/**
 * The terms of F, to be summed as the gradients are, over absolute values: M, (1 + a) κŵ and the sink's. Infinite where
 * nothing is promised, 0 where the gradient itself says that it isn't finite.
 */
function termsOfBound(problem: Problem, cotangents: Cotangents, place: RowPlace): RowTerms {
  const { keys, keyHeads, heads, valueSize, value } = problem;
  const { b, h, i } = place;
  const exact = rowGradient(problem, cotangents, place, "double");
  const { row, visible, keep } = exact;
  const outputGradient = exact.outputGradient.map(finite);
  if (isBeyondFloat32(row, attendRow(problem, b, h, i, "single"))) {
    const anything = new Float64Array(keys).fill(Infinity);
    return {
      visible: row.visible,
      draw: anything,
      dscore: anything,
      dropped: anything,
      outputGradient,
      sink: problem.options.sinks?.[h] === -Infinity ? 0 : Infinity,
    };
  }
  const keyRow = (b * keyHeads + Math.floor(h / (heads / keyHeads))) * keys;
  const a = magnitudeOf(problem, h, exact);
  const weight = row.weights.map((w) => w + SMALLEST_WEIGHT_THAT_COUNTS);
  const bound = new Float64Array(keys);
  const dropped = new Float64Array(keys);
  let mean = Math.abs(exact.logSumExpGradient);
  for (let j = 0; j < keys; j++) {
    if (visible[j]) {
      let sum = Math.abs(exact.droppedGradient[j]);
      for (let d = 0; d < valueSize; d++) {
        sum += Math.abs(exact.outputGradient[d] * value[(keyRow + j) * valueSize + d]);
      }
      bound[j] = keep[j] * sum + Math.abs(exact.weightsGradient[j]);
      mean += weight[j] * bound[j];
      dropped[j] = finite((1 + a) * keep[j] * weight[j]);
    }
  }
  for (let j = 0; j < keys; j++) {
    if (visible[j]) {
      bound[j] = finite((1 + a) * (weight[j] * (bound[j] + mean) + Math.abs(exact.scoresGradient[j])));
    }
  }
  let sink = finite((1 + a) * (sinkWeight(problem, h, row, exactly) + SMALLEST_WEIGHT_THAT_COUNTS) * mean);
  const isInvalid = row.state === "invalid" || !Number.isFinite(mean);
  if (a > SCORE_MAGNITUDE_LIMIT || (!isInvalid && valuesAreHuge(problem, keyRow, visible))) {
    bound.fill(Infinity);
    sink = Infinity;
  }
  if (a > SCORE_MAGNITUDE_LIMIT) {
    dropped.fill(Infinity);
  }
  if (problem.options.sinks?.[h] === -Infinity) {
    sink = 0;
  }
  const draw = bound.map((m, j) => m * steepness(problem, place, row, j));
  return { visible, draw, dscore: bound, dropped, outputGradient, sink };
}

/** F of every sum. */
function bounds(problem: Problem, cotangents: Cotangents): Sums {
  const { options, size } = problem;
  const magnitudes: Problem = {
    ...problem,
    options: { ...options, scale: Math.abs(options.scale ?? 1 / Math.sqrt(size)) },
    query: problem.query.map(finite),
    key: problem.key.map(finite),
  };
  const sums = sumTerms(magnitudes, (place) => termsOfBound(problem, cotangents, place), exactly);
  return { ...sums, alibiSlopes: sums.alibiSlopes.map(Math.abs) };
}

/** One gradient's expectations; `row` is the number of elements that share an e. */
function expectationOf(r: OracleTensor, n: OracleTensor, bound: OracleTensor, row: number): Expectation {
  const into = expectation(r.shape, r.data.length);
  for (let first = 0; first < r.data.length; first += row) {
    let e = 0;
    for (let index = first; index < first + row; index++) {
      // An element that isn't finite, or promised, has no error to speak of.
      if (Number.isFinite(r.data[index]) && bound.data[index] <= VALUE_SUM_LIMIT) {
        e = Math.max(e, Math.abs(n.data[index] - r.data[index]));
      }
    }
    for (let index = first; index < first + row; index++) {
      const factor = bound.data[index];
      if (!(factor <= VALUE_SUM_LIMIT)) {
        into.rule[index] = RULE.free;
      } else if (!Number.isFinite(r.data[index])) {
        into.rule[index] = RULE.notFinite;
        into.reference[index] = r.data[index];
      } else {
        expectWithin(into, index, r.data[index], 2 * e + 2 ** -20 * factor);
      }
    }
  }
  return into;
}

/** What the gradients of a call must be, given those of its results. They are float32 (1.9). */
export function promiseGradients(
  query: OracleTensor,
  key: OracleTensor,
  value: OracleTensor,
  options: OracleOptions,
  cotangents: Cotangents,
): PromisedGradients {
  const problem = describeProblem(query, key, value, options);
  const inShapes = (sums: Sums): Gradients => inShapesOfInputs(problem, sums);
  const reference = inShapes(gradientSums(problem, cotangents, "double"));
  const naive = inShapes(gradientSums(problem, cotangents, "single"));
  const bound = inShapes(bounds(problem, cotangents));
  const { size, valueSize } = problem;
  const rows: { readonly [Input in keyof Gradients]?: number } = {
    query: size,
    key: size,
    pastKey: size,
    value: valueSize,
    pastValue: valueSize,
  };
  return Object.fromEntries(
    (Object.keys(reference) as (keyof Gradients)[]).map((name) => [
      name,
      expectationOf(reference[name]!, naive[name]!, bound[name]!, rows[name] ?? 1),
    ]),
  ) as unknown as PromisedGradients;
}
