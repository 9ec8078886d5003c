// One run: every case on every engine, checked, then timed in turns.
import { performance } from "node:perf_hooks";
import { EngineProcess } from "./engine-process.mjs";
import { engineBuilds, peakBuilds } from "./engines.mjs";
import { expectedAttention, largestError } from "./oracle.mjs";

/** @typedef {import("./cases.mjs").AttentionCase} AttentionCase */
/** @typedef {import("./engines.mjs").EngineBuild} EngineBuild */

/**
 * @typedef {object} Skipped an engine build that can't run on this host
 * @property {EngineBuild} build
 * @property {string} reason
 */

/**
 * @typedef {object} Outcome one case on one engine
 * @property {AttentionCase} attentionCase
 * @property {EngineBuild} build
 * @property {number} error the largest absolute difference from the oracle
 * @property {number} tolerance
 * @property {number[]} times milliseconds of each call; none when the result is wrong
 */

/** The length of a turn: short, so that a disturbance hits all engines alike. A longer call is a turn of its own. */
const TURN_MILLISECONDS = 10;
const LEAST_ROUNDS = 5;

/**
 * @param {readonly AttentionCase[]} cases
 * @param {number} seconds of timing, for each case
 * @param {(text: string) => void} report told what is going on
 */
export async function measure(cases, seconds, report) {
  const engines = await start(engineBuilds);
  const peaks = await start(peakBuilds);
  const everyone = [...engines.running, ...peaks.running];
  try {
    for (const peak of peaks.running) {
      await peak.request("prepare", cases[0]);
      await peak.request("warmUp");
    }
    /** @type {Outcome[]} */
    const outcomes = [];
    const peakTimes = new Map(peaks.running.map(({ build }) => [build, /** @type {number[]} */ ([])]));
    for (const attentionCase of cases) {
      report(`${attentionCase.name}: checking`);
      const expected = expectedAttention(attentionCase);
      const right = [];
      for (const engine of engines.running) {
        const error = largestError(await engine.request("prepare", attentionCase), expected.output);
        const outcome = { attentionCase, build: engine.build, error, tolerance: expected.tolerance, times: [] };
        outcomes.push(outcome);
        if (error <= expected.tolerance) right.push(engine);
      }

      report(`${attentionCase.name}: timing`);
      for (const engine of right) await engine.request("warmUp");
      const times = await interleave([...right, ...peaks.running], seconds);
      for (const outcome of outcomes) {
        if (outcome.attentionCase === attentionCase) outcome.times = times.get(outcome.build) ?? [];
      }
      for (const [build, all] of peakTimes) all.push(...(times.get(build) ?? []));
      for (const engine of engines.running) await engine.request("close");
    }
    const versions = new Map(engines.running.map(({ build, version }) => [build, version]));
    return { versions, skipped: [...engines.skipped, ...peaks.skipped], peakTimes, outcomes };
  } finally {
    for (const engine of everyone) engine.stop();
  }
}

/**
 * Starts the builds that this host can run.
 * @param {readonly EngineBuild[]} builds
 */
async function start(builds) {
  /** @type {EngineProcess[]} */
  const running = [];
  /** @type {Skipped[]} */
  const skipped = [];
  for (const build of builds) {
    const engine = new EngineProcess(build);
    try {
      await engine.open();
      running.push(engine);
    } catch (error) {
      engine.stop();
      skipped.push({ build, reason: /** @type {Error} */ (error).message });
    }
  }
  return { running, skipped };
}

/**
 * Rounds in which everyone has one turn, in an order that is new every time.
 * @param {readonly EngineProcess[]} engines
 * @param {number} seconds
 */
async function interleave(engines, seconds) {
  const times = new Map(engines.map(({ build }) => [build, /** @type {number[]} */ ([])]));
  const start = performance.now();
  for (let round = 0; round < LEAST_ROUNDS || performance.now() - start < 1000 * seconds; round++) {
    for (const engine of shuffle(engines)) {
      times.get(engine.build)?.push(...(await engine.request("sample", TURN_MILLISECONDS)));
    }
  }
  return times;
}

/**
 * The same in random order (Fisher and Yates).
 * @template T
 * @param {readonly T[]} items
 */
function shuffle(items) {
  const shuffled = [...items];
  for (let end = shuffled.length - 1; end > 0; end--) {
    const chosen = Math.floor(Math.random() * (end + 1));
    [shuffled[end], shuffled[chosen]] = [shuffled[chosen], shuffled[end]];
  }
  return shuffled;
}
