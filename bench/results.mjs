// From the times of a run to the figures that are printed and written.
import { countBackwardFlops, countBytes, countFlops } from "./cases.mjs";
import { referenceBuilds } from "./engines.mjs";
import { bytesPerCall } from "./peak/memory-stream.mjs";
import { FLOPS_PER_CALL } from "./peak/multiply-add-loop.mjs";

/** @typedef {import("./cases.mjs").Case} Case */
/** @typedef {import("./engines.mjs").PeakBuild} PeakBuild */
/** @typedef {import("./measure.mjs").Outcome} Outcome */
/** @typedef {Awaited<ReturnType<typeof import("./measure.mjs").measure>>} Run */
/** @typedef {import("./record.mjs").Measurement} Measurement */
/** @typedef {import("./record.mjs").Peak} Peak */
/** @typedef {import("./record.mjs").Summary} Summary */
/** @typedef {import("./record.mjs").Results} Results */

/** Figures as JSON keeps them: more digits than a clock is good for say nothing. */
const round = (/** @type {number} */ value) => Number(value.toPrecision(5));

/** Billions a second. */
const rateOf = (/** @type {number} */ count, /** @type {number} */ milliseconds) => count / milliseconds / 1e6;

/**
 * @param {readonly number[]} times at least one
 * @returns {Summary}
 */
function summarise(times) {
  const sorted = [...times].sort((a, b) => a - b);
  const at = (/** @type {number} */ share) => round(sorted[Math.round(share * (sorted.length - 1))]);
  return { best: at(0), lowerQuartile: at(0.25), median: at(0.5), upperQuartile: at(0.75) };
}

/**
 * A peak's GFLOP/s or GB/s in the rounds of one case, one for each call.
 * @param {PeakBuild} build
 * @param {Case} benchmarkCase
 * @param {readonly number[]} times
 */
const peakRates = (build, benchmarkCase, times) => {
  const countOfCall = build.streams === undefined ? FLOPS_PER_CALL : bytesPerCall(benchmarkCase);
  return times.map((time) => rateOf(countOfCall, time));
};

/** The best of the samples that a case's engines were interleaved with, of each peak. @param {Outcome} outcome */
const peaksBeside = ({ benchmarkCase, peakTimes }) =>
  new Map(
    [...peakTimes]
      .filter(([, times]) => times.length > 0)
      .map(([build, times]) => [build, largest(peakRates(build, benchmarkCase, times))]),
  );

/**
 * Every rate of each peak over the run: of the rounds of a case once, however many engines took part in them. Reading is
 * faster where fewer bytes are read, so each number of bytes is a peak of its own.
 * @param {readonly Outcome[]} outcomes
 */
function collectPeakRates(outcomes) {
  /** @type {Map<string, { build: PeakBuild, bytes: number | undefined, rates: number[] }>} */
  const collected = new Map();
  for (const peakTimes of new Set(outcomes.map((outcome) => outcome.peakTimes))) {
    const outcome = /** @type {Outcome} */ (outcomes.find((other) => other.peakTimes === peakTimes));
    for (const [build, times] of peakTimes) {
      const bytes = build.streams === undefined ? undefined : bytesPerCall(outcome.benchmarkCase);
      const key = `${build.name}, ${bytes}`;
      const peak = collected.get(key) ?? { build, bytes, rates: [] };
      peak.rates.push(...peakRates(build, outcome.benchmarkCase, times));
      collected.set(key, peak);
    }
  }
  return [...collected.values()].filter(({ rates }) => rates.length > 0);
}

const largest = (/** @type {readonly number[]} */ numbers) => numbers.reduce((a, b) => Math.max(a, b));

/** The best read by several streams. @param {Map<PeakBuild, number>} peaks */
const memoryPeak = (peaks) =>
  [...peaks].reduce((best, [{ streams = 1 }, rate]) => (streams > 1 ? Math.max(best, rate) : best), -Infinity);

/**
 * What bounds a call: multiplying and adding in the engine's arithmetic, or reading memory.
 * @param {Outcome} outcome
 * @param {Map<PeakBuild, number>} peaks GFLOP/s and GB/s
 * @returns {{ bound: "arithmetic" | "memory", peak: number } | undefined}
 */
function findBound({ benchmarkCase, build }, peaks) {
  const arithmetic = [...peaks].find(
    ([peak]) => peak.streams === undefined && peak.arithmetic === build.arithmetic,
  )?.[1];
  if (arithmetic === undefined) return undefined;
  const memory = memoryPeak(peaks);
  const fitsMemory = (memory * countFlops(benchmarkCase)) / countBytes(benchmarkCase) < arithmetic;
  return Number.isFinite(memory) && fitsMemory
    ? { bound: "memory", peak: memory }
    : { bound: "arithmetic", peak: arithmetic };
}

/**
 * The backward pass of an engine that tells it from the forward pass.
 * @param {Outcome} outcome
 * @param {number | undefined} peak in GFLOP/s, since gradients are bound by arithmetic
 * @returns {import("./record.mjs").Backward}
 */
function describeBackward({ benchmarkCase, times, backwardTimes }, peak) {
  const milliseconds = summarise(backwardTimes);
  const forwardTimes = times.map((time, call) => time - backwardTimes[call]);
  const gflops = rateOf(countBackwardFlops(benchmarkCase), milliseconds.best);
  return {
    milliseconds,
    gflops: round(gflops),
    ...(peak !== undefined && { shareOfPeak: round(gflops / peak) }),
    timesForward: round(milliseconds.best / summarise(forwardTimes).best),
  };
}

/**
 * @param {Run} run
 * @returns {Results}
 */
export function evaluate({ versions, skipped, outcomes }) {
  const collected = collectPeakRates(outcomes);
  /** @type {Peak[]} */
  const peaks = collected.map(({ build: { name, arithmetic, streams }, bytes, rates }) => ({
    name,
    ...(streams === undefined ? { arithmetic } : { streams, bytes }),
    unit: streams === undefined ? "GFLOP/s" : "GB/s",
    best: round(largest(rates)),
    median: summarise(rates).median,
  }));
  /** Those of the whole run. @param {Outcome} outcome */
  const runPeaks = ({ benchmarkCase }) =>
    new Map(
      collected
        .filter(({ bytes }) => bytes === undefined || bytes === bytesPerCall(benchmarkCase))
        .map(({ build, rates }) => [build, largest(rates)]),
    );

  const referenceTime = (/** @type {Case} */ benchmarkCase) =>
    outcomes
      .filter((other) => other.benchmarkCase === benchmarkCase && referenceBuilds.includes(other.build))
      .flatMap(({ times }) => times)
      .reduce((a, b) => Math.min(a, b), Infinity);

  /**
   * @param {Outcome} outcome
   * @returns {Measurement}
   */
  const describe = (outcome) => {
    const { benchmarkCase, build, error, tolerance, failure, times, backwardTimes } = outcome;
    const [flops, bytes] = [countFlops(benchmarkCase), countBytes(benchmarkCase)];
    const checked = {
      case: benchmarkCase.name,
      group: benchmarkCase.group,
      engine: build.name,
      largestError: Number.isNaN(error) ? null : round(error),
      tolerance: round(tolerance),
      ...(failure !== undefined && { failure }),
      samples: times.length,
      flops,
      bytes,
    };
    if (times.length === 0) return checked;

    const milliseconds = summarise(times);
    const [gflops, gigabytesPerSecond] = [rateOf(flops, milliseconds.best), rateOf(bytes, milliseconds.best)];
    const shareOf = (/** @type {ReturnType<typeof findBound>} */ found) =>
      found && round((found.bound === "memory" ? gigabytesPerSecond : gflops) / found.peak);
    const beside = findBound(outcome, peaksBeside(outcome));
    const reference = referenceTime(benchmarkCase);
    return {
      ...checked,
      milliseconds,
      gflops: round(gflops),
      gigabytesPerSecond: round(gigabytesPerSecond),
      ...(beside && {
        bound: beside.bound,
        peak: round(beside.peak),
        shareOfPeak: shareOf(beside),
        shareOfRunPeak: shareOf(findBound(outcome, runPeaks(outcome))),
      }),
      ...(backwardTimes.length > 0 && { backward: describeBackward(outcome, beside?.peak) }),
      ...(Number.isFinite(reference) && { timesReference: round(reference / milliseconds.best) }),
    };
  };

  return {
    engines: [...versions].map(([{ name, arithmetic }, version]) => ({ name, arithmetic, version })),
    skipped: skipped.map(({ build, reason }) => ({ name: build.name, reason })),
    peaks,
    measurements: outcomes.map(describe),
  };
}
