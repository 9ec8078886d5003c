// From the times of a run to the figures that are printed and written.
import { countFlops } from "./cases.mjs";
import { REFERENCE } from "./engines.mjs";
import { FLOPS_PER_CALL } from "./peak/multiply-add-loop.mjs";

/** @typedef {import("./measure.mjs").Outcome} Outcome */

/**
 * @typedef {object} Summary milliseconds of a call
 * @property {number} best
 * @property {number} lowerQuartile
 * @property {number} median
 * @property {number} upperQuartile
 */

/**
 * @typedef {object} Peak the multiply-add loop, over the whole run
 * @property {"separate" | "fused"} arithmetic
 * @property {number} gflops of the best call
 * @property {number} medianGflops
 */

/**
 * @typedef {object} Measurement
 * @property {string} case
 * @property {string} engine
 * @property {number | null} largestError from the oracle, absolute; null for NaN
 * @property {number} tolerance
 * @property {number} samples calls that were timed: none when the error exceeds the tolerance
 * @property {Summary} [milliseconds]
 * @property {number} [gflops] of the best call
 * @property {number} [shareOfPeak] of the best call, from 0 to 1, of the engine's own arithmetic
 * @property {number} [timesReference] the best time of the engine that is compared with, over this one's
 */

/** Figures as JSON keeps them: more digits than a clock is good for say nothing. */
const round = (/** @type {number} */ value) => Number(value.toPrecision(5));

const gflopsOf = (/** @type {number} */ flops, /** @type {number} */ milliseconds) => flops / milliseconds / 1e6;

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
 * @param {Awaited<ReturnType<typeof import("./measure.mjs").measure>>} run
 */
export function evaluate({ versions, skipped, peakTimes, outcomes }) {
  /** @type {Peak[]} */
  const peaks = [...peakTimes].map(([{ arithmetic }, times]) => {
    const { best, median } = summarise(times);
    const [gflops, medianGflops] = [best, median].map((time) => round(gflopsOf(FLOPS_PER_CALL, time)));
    return { arithmetic, gflops, medianGflops };
  });
  const peakOf = new Map(peaks.map(({ arithmetic, gflops }) => [arithmetic, gflops]));

  /**
   * @param {Outcome} outcome
   * @returns {Measurement}
   */
  const describe = ({ attentionCase, build, error, tolerance, times }) => {
    const checked = {
      case: attentionCase.name,
      engine: build.name,
      largestError: Number.isNaN(error) ? null : round(error),
      tolerance: round(tolerance),
      samples: times.length,
    };
    if (times.length === 0) return checked;
    const milliseconds = summarise(times);
    const gflops = gflopsOf(countFlops(attentionCase), milliseconds.best);
    const peak = peakOf.get(build.arithmetic);
    const reference = outcomes.find((other) => other.attentionCase === attentionCase && other.build.name === REFERENCE);
    return {
      ...checked,
      milliseconds,
      gflops: round(gflops),
      ...(peak !== undefined && { shareOfPeak: round(gflops / peak) }),
      ...(reference !== undefined &&
        reference.times.length > 0 && { timesReference: round(summarise(reference.times).best / milliseconds.best) }),
    };
  };

  return {
    engines: [...versions].map(([{ name, arithmetic }, version]) => ({ name, arithmetic, version })),
    skipped: skipped.map(({ build, reason }) => ({ name: build.name, reason })),
    peaks,
    measurements: outcomes.map(describe),
  };
}
