/**
 * The error promise of docs/semantics.md 8.2 as a check: what every element of a result may be, given the float64
 * result r and the naive float32 computation n of the same widened inputs.
 */
import {
  attendRow,
  averageOverHeads,
  describeProblem,
  present,
  resultShapes,
  rowInMode,
  rowPlaces,
  type OracleOptions,
  type OracleTensor,
  type Problem,
  type Row,
  type WeightsMode,
} from "./attention.js";
import { roundTo, type FloatType } from "./half.js";

/** How an element is judged. */
export const RULE = {
  /** |x − r| ≤ tolerance before the result is rounded to its dtype. */
  within: 0,
  /** r itself, with its sign of zero; NaN for NaN. */
  exact: 1,
  /** NaN or an infinity (6.3). */
  notFinite: 2,
  /** No promise: float32 overflows on the way (6.3, and where n isn't finite although r is). */
  free: 3,
} as const;

export interface Expectation {
  readonly shape: readonly number[];
  readonly reference: Float64Array;
  readonly tolerance: Float64Array;
  readonly rule: Uint8Array;
}

export interface Promised {
  readonly problem: Problem;
  readonly output: Expectation;
  readonly logSumExp: Expectation;
  readonly weights?: Expectation;
  readonly presentKey?: OracleTensor;
  readonly presentValue?: OracleTensor;
}

/** Beyond this sum of |v| over the visible keys there is no promise (6.3). */
export const VALUE_SUM_LIMIT = 2 ** 86;
export const SMALLEST_WEIGHT_THAT_COUNTS = 2 ** -60;
const LARGEST_FLOAT32 = 3.4028234663852886e38;

export function expectation(shape: readonly number[], length: number): Expectation {
  return {
    shape,
    reference: new Float64Array(length),
    tolerance: new Float64Array(length),
    rule: new Uint8Array(length),
  };
}

function expectExactly(into: Expectation, index: number, value: number): void {
  into.reference[index] = value;
  into.rule[index] = RULE.exact;
}

export function expectWithin(into: Expectation, index: number, value: number, tolerance: number): void {
  into.reference[index] = value;
  into.tolerance[index] = tolerance;
  into.rule[index] = Number.isFinite(tolerance) ? RULE.within : RULE.free;
}

/** 8.2's a: the largest magnitude among the keys that carry weight. */
export function scoreMagnitude(row: Row): number {
  let a = 0;
  for (let j = 0; j < row.weights.length; j++) {
    if (row.visible[j] && row.weights[j] >= SMALLEST_WEIGHT_THAT_COUNTS) {
      a = Math.max(a, row.magnitude[j]);
    }
  }
  return a;
}

/** Scores overflow in float32 though they don't in float64: what then comes out is not promised. */
export function isBeyondFloat32(exact: Row, naive: Row): boolean {
  return exact.overflows || exact.state !== naive.state;
}

function expectOutput(into: Expectation, start: number, exact: Row, naive: Row, values: Float64Array, a: number): void {
  const width = exact.output.length;
  if (isBeyondFloat32(exact, naive)) {
    into.rule.fill(RULE.free, start, start + width);
    return;
  }
  if (exact.state !== "normal") {
    for (let d = 0; d < width; d++) {
      expectExactly(into, start + d, exact.output[d]);
    }
    return;
  }
  const sumOfValues = new Float64Array(width);
  const weightedSum = new Float64Array(width);
  const largestValue = new Float64Array(width);
  for (let j = 0; j < exact.weights.length; j++) {
    if (!exact.visible[j]) {
      continue;
    }
    for (let d = 0; d < width; d++) {
      const value = Math.abs(values[j * width + d]);
      sumOfValues[d] += value;
      weightedSum[d] += exact.dropped[j] * value;
      largestValue[d] = Math.max(largestValue[d], value);
    }
  }
  // e is the row's, but an element that holds or overflows to a non-finite number has no error to speak of.
  let e = 0;
  for (let d = 0; d < width; d++) {
    if (sumOfValues[d] <= VALUE_SUM_LIMIT) {
      e = Math.max(e, Math.abs(naive.output[d] - exact.output[d]));
    }
  }
  for (let d = 0; d < width; d++) {
    if (!Number.isFinite(sumOfValues[d])) {
      into.rule[start + d] = RULE.notFinite;
      into.reference[start + d] = exact.output[d];
    } else if (sumOfValues[d] > VALUE_SUM_LIMIT) {
      into.rule[start + d] = RULE.free;
    } else {
      const floor = 2 ** -21 * (1 + a) * weightedSum[d] + 2 ** -60 * largestValue[d];
      expectWithin(into, start + d, exact.output[d], 2 * e + floor);
    }
  }
}

function expectLogSumExp(into: Expectation, index: number, exact: Row, naive: Row, a: number): void {
  const r = exact.logSumExp;
  if (isBeyondFloat32(exact, naive)) {
    into.rule[index] = RULE.free;
  } else if (exact.state !== "normal") {
    // A fully masked row's is the sink as float32 holds it.
    expectExactly(into, index, Math.fround(r));
  } else {
    expectWithin(into, index, r, 2 * Math.abs(naive.logSumExp - r) + 2 ** -21 * (1 + a + Math.abs(r)));
  }
}

function expectWeights(into: Expectation, start: number, exact: Row, naive: Row, mode: WeightsMode, a: number): void {
  const reference = rowInMode(exact, mode);
  const computed = rowInMode(naive, mode);
  for (let j = 0; j < reference.length; j++) {
    const r = reference[j];
    const n = computed[j];
    if (mode >= 3) {
      if (isBeyondFloat32(exact, naive) && exact.visible[j]) {
        into.rule[start + j] = RULE.free;
      } else if (
        exact.state !== "normal" ||
        !exact.visible[j] ||
        exact.score[j] === -Infinity ||
        (mode === 4 && r === 0)
      ) {
        expectExactly(into, start + j, r);
      } else {
        // Dropout divides the weight; so it does its error.
        const stretch = mode === 4 && exact.weights[j] > 0 ? r / exact.weights[j] : 1;
        const floor = 2 ** -20 * (1 + a) * r + 2 ** -60 * stretch;
        expectWithin(into, start + j, r, 2 * Math.abs(n - r) + floor);
      }
    } else if (!Number.isFinite(r) && Object.is(n, r)) {
      expectExactly(into, start + j, r);
    } else if (!Number.isFinite(r)) {
      into.rule[start + j] = RULE.free;
    } else {
      // 8.2 speaks of weights; a score is judged as logSumExp is, by the numbers that it is made of.
      expectWithin(into, start + j, r, 2 * Math.abs(n - r) + 2 ** -21 * (1 + exact.magnitude[j]));
    }
  }
}

/** Mean over heads: of the references, with the mean of the tolerances and the rounding of the additions. */
function averaged(problem: Problem, full: Expectation, shape: readonly number[]): Expectation {
  const count = problem.chosen?.heads.length ?? 1;
  const result = {
    shape,
    reference: averageOverHeads(problem, full.reference, "double"),
    tolerance: averageOverHeads(problem, full.tolerance, "double"),
    rule: new Uint8Array(full.rule.length / count),
  };
  const magnitudes = averageOverHeads(problem, full.reference.map(Math.abs), "double");
  const plane = (problem.chosen?.rows.length ?? 0) * problem.keys;
  for (let n = 0; n < result.rule.length; n++) {
    const b = Math.floor(n / plane);
    const rules = Array.from({ length: count }, (_, head) => full.rule[(b * count + head) * plane + (n % plane)]);
    if (rules.includes(RULE.free) || (Number.isFinite(magnitudes[n]) && count * magnitudes[n] > LARGEST_FLOAT32)) {
      result.rule[n] = RULE.free;
    } else if (!Number.isFinite(result.reference[n]) || magnitudes[n] === 0) {
      result.rule[n] = RULE.exact;
    } else {
      result.tolerance[n] += count * 2 ** -23 * magnitudes[n];
    }
  }
  return result;
}

/** What a call must return: output, logSumExp, and the weights of the options' mode where they are asked for. */
export function promise(
  query: OracleTensor,
  key: OracleTensor,
  value: OracleTensor,
  options: OracleOptions = {},
): Promised {
  const problem = describeProblem(query, key, value, options);
  const { batch, heads, keyHeads, queries, keys, valueSize, chosen } = problem;
  const shapes = resultShapes(problem);
  const output = expectation(shapes.output, batch * heads * queries * valueSize);
  const logSumExp = expectation(shapes.logSumExp, batch * heads * queries);
  const weights = chosen && expectation([], batch * chosen.heads.length * chosen.rows.length * keys);
  for (const { b, h, i, ...place } of rowPlaces(problem)) {
    const exact = attendRow(problem, b, h, i, "double");
    const naive = attendRow(problem, b, h, i, "single");
    const a = scoreMagnitude(exact);
    const keyHead = Math.floor(h / (heads / keyHeads));
    const valueStart = (b * keyHeads + keyHead) * keys * valueSize;
    const values = problem.value.subarray(valueStart, valueStart + keys * valueSize);
    expectOutput(output, place.output, exact, naive, values, a);
    expectLogSumExp(logSumExp, place.logSumExp, exact, naive, a);
    for (const start of place.weights) {
      expectWeights(weights!, start, exact, naive, options.weightsMode ?? 3, a);
    }
  }
  return {
    problem,
    output,
    logSumExp,
    weights:
      weights &&
      (chosen?.average ? averaged(problem, weights, shapes.weights!) : { ...weights, shape: shapes.weights! }),
    ...present(problem),
  };
}

/**
 * Judges a result, given as numbers (16-bit ones widened), that was rounded to `dtype`.
 * Throws an Error that names the first element out of bounds. Returns the largest share of a tolerance that was used.
 */
export function checkPromise(name: string, actual: ArrayLike<number>, expected: Expectation, dtype: FloatType): number {
  if (actual.length !== expected.reference.length) {
    throw new Error(`${name}: ${actual.length} elements, expected ${expected.reference.length}`);
  }
  let largestShare = 0;
  for (let n = 0; n < actual.length; n++) {
    const x = actual[n];
    const r = expected.reference[n];
    const tolerance = expected.tolerance[n];
    const rule = expected.rule[n];
    let holds = true;
    if (rule === RULE.exact) {
      holds = Object.is(x, roundTo(dtype, r));
    } else if (rule === RULE.notFinite) {
      holds = !Number.isFinite(x);
    } else if (rule === RULE.within && dtype === "float32") {
      holds = Math.abs(x - r) <= tolerance;
      largestShare = Math.max(largestShare, tolerance > 0 ? Math.abs(x - r) / tolerance : 0);
    } else if (rule === RULE.within) {
      // Rounding is monotonic: a value within r ± tolerance lands between the two roundings.
      holds = x >= roundTo(dtype, r - tolerance) && x <= roundTo(dtype, r + tolerance);
    }
    if (!holds) {
      const kind = Object.keys(RULE)[rule];
      throw new Error(`${name}[${n}] of [${expected.shape}] is ${x}, expected ${r} (${kind} ± ${tolerance}, ${dtype})`);
    }
  }
  return largestShare;
}
