// One run: every case on every engine, checked, then timed in turns. Where the engines run is the caller's: in processes
// (engine-process.mjs), or in a page's workers.
import { isNearMemoryBound } from "./cases.mjs";
import { compare, expect } from "./oracle.mjs";

/** @typedef {import("./cases.mjs").Case} Case */
/** @typedef {import("./engines.mjs").EngineBuild} EngineBuild */
/** @typedef {import("./engines.mjs").PeakBuild} PeakBuild */
/** @typedef {import("./engines/adapter.mjs").Sample} Sample */
/** @typedef {import("./requests.mjs").Requests} Requests */

/**
 * An engine build that runs somewhere. A request throws an Error that names the engine.
 * @typedef {object} RunningEngine
 * @property {EngineBuild} build
 * @property {string} version
 * @property {<Method extends keyof Requests>(method: Method, ...argument: Parameters<Requests[Method]>) =>
 *   Promise<Awaited<ReturnType<Requests[Method]>>>} request
 * @property {() => void} stop
 */

/**
 * Starts an engine build, or throws an Error that names the engine and says why it can't run here.
 * @callback OpenEngine
 * @param {EngineBuild} build
 * @returns {Promise<RunningEngine>}
 */

/**
 * @typedef {object} Skipped an engine build that can't run on this host
 * @property {EngineBuild} build
 * @property {string} reason
 */

/**
 * @typedef {object} Outcome one case on one engine that offers it
 * @property {Case} benchmarkCase
 * @property {EngineBuild} build
 * @property {number} error the largest absolute difference from the oracle
 * @property {number} tolerance
 * @property {string} [failure] what the engine said in place of a result
 * @property {number[]} times milliseconds of each call; none when the result is wrong
 * @property {number[]} backwardTimes those of each call's backward pass, of an engine that tells
 * @property {Map<PeakBuild, number[]>} peakTimes the peaks' calls in the same rounds
 */

/**
 * The length of a turn: short, so that a disturbance hits all engines alike, and so that it is over before the scheduler, which
 * has just seen the engine wait for its turn, lets somebody else run. A longer call is a turn of its own.
 */
const TURN_MILLISECONDS = 4;
/** Everyone is called so often, even if it takes more than an equal share of the time: up to so many shares. */
const LEAST_CALLS = 5;
const LARGEST_SHARE = 4;

/**
 * @param {object} run
 * @param {readonly Case[]} run.cases
 * @param {readonly EngineBuild[]} run.engineBuilds
 * @param {readonly PeakBuild[]} run.peakBuilds
 * @param {number} run.seconds of timing for each case, shared by everyone who takes part
 * @param {number} run.warmUpMilliseconds
 * @param {OpenEngine} run.openEngine
 * @param {(text: string) => void} run.report told what is going on
 */
export async function measure({ cases, engineBuilds, peakBuilds, seconds, warmUpMilliseconds, openEngine, report }) {
  const engines = await openAll(engineBuilds, openEngine);
  const peaks = await openAll(peakBuilds, openEngine);
  try {
    /** @type {Outcome[]} */
    const outcomes = [];
    for (const benchmarkCase of cases) {
      report(`${benchmarkCase.name}: checking`);
      const checked = await check(benchmarkCase, engines.running);
      outcomes.push(...checked.map(({ outcome }) => outcome));
      const right = checked.filter(({ outcome }) => outcome.error <= outcome.tolerance);

      report(`${benchmarkCase.name}: timing`);
      for (const { engine } of right) await engine.request("warmUp", warmUpMilliseconds);
      const comparable = peaks.running.filter(({ build }) => !("streams" in build) || isNearMemoryBound(benchmarkCase));
      for (const peak of comparable) {
        await peak.request("prepare", benchmarkCase);
        await peak.request("warmUp", warmUpMilliseconds);
      }
      const samples = await takeTurns(
        right.map(({ engine }) => engine),
        comparable,
        seconds,
      );
      const peakTimes = new Map(
        comparable.map((peak) => [/** @type {PeakBuild} */ (peak.build), samples.get(peak)?.times ?? []]),
      );
      for (const { engine, outcome } of right) {
        Object.assign(outcome, samples.get(engine), { peakTimes });
      }
      for (const { engine, outcome } of checked) if (outcome.failure === undefined) await engine.request("close");
    }
    return {
      versions: new Map(engines.running.map(({ build, version }) => [build, version])),
      skipped: [...engines.skipped, ...peaks.skipped],
      outcomes,
    };
  } finally {
    for (const engine of [...engines.running, ...peaks.running]) engine.stop();
  }
}

/**
 * Starts the builds that this host can run.
 * @param {readonly EngineBuild[]} builds
 * @param {OpenEngine} openEngine
 */
async function openAll(builds, openEngine) {
  const running = [];
  /** @type {Skipped[]} */
  const skipped = [];
  for (const build of builds) {
    try {
      running.push(await openEngine(build));
    } catch (error) {
      skipped.push({ build, reason: reasonOf(error) });
    }
  }
  return { running, skipped };
}

/**
 * The first line of an error, which may come with its whole history; without paths, which are this machine's own affair.
 * @param {unknown} error
 */
const reasonOf = (error) =>
  (error instanceof Error ? error.message : String(error))
    .split("\n")[0]
    .replace(/(^|[\s'"(])(\/|[A-Z]:\\)[^\s'")]*/g, "$1…")
    .slice(0, 120);

/**
 * Puts a case before the engines; those that offer it stay prepared.
 * @param {Case} benchmarkCase
 * @param {readonly RunningEngine[]} engines
 */
async function check(benchmarkCase, engines) {
  const expected = expect(benchmarkCase);
  /** @type {{ engine: RunningEngine, outcome: Outcome }[]} */
  const checked = [];
  for (const engine of engines) {
    const outcome = { benchmarkCase, build: engine.build, times: [], backwardTimes: [], peakTimes: new Map() };
    try {
      const actual = await engine.request("prepare", benchmarkCase);
      if (actual !== undefined) checked.push({ engine, outcome: { ...outcome, ...compare(actual, expected) } });
    } catch (error) {
      const [{ tolerance }] = expected;
      checked.push({ engine, outcome: { ...outcome, error: NaN, tolerance, failure: reasonOf(error) } });
    }
  }
  return checked;
}

/**
 * Rounds in which everyone has one turn, in an order that is new every time. Who has used up an equal share of the time
 * drops out; the peaks stay to the end.
 * @param {readonly RunningEngine[]} engines
 * @param {readonly RunningEngine[]} peaks
 * @param {number} seconds
 */
async function takeTurns(engines, peaks, seconds) {
  const everyone = [...engines, ...peaks];
  const samples = new Map(everyone.map((engine) => [engine, /** @type {Sample} */ ({ times: [], backwardTimes: [] })]));
  const spent = new Map(everyone.map((engine) => [engine, 0]));
  const share = (1000 * seconds) / everyone.length;

  const wantsMore = (/** @type {RunningEngine} */ engine) => {
    const [used, calls] = [spent.get(engine) ?? 0, samples.get(engine)?.times.length ?? 0];
    return used < share || (calls < LEAST_CALLS && used < LARGEST_SHARE * share);
  };
  for (let turn = engines.filter(wantsMore); turn.length > 0; turn = turn.filter(wantsMore)) {
    for (const engine of shuffle([...turn, ...peaks])) {
      const { times, backwardTimes } = await engine.request("sample", TURN_MILLISECONDS);
      samples.get(engine)?.times.push(...times);
      samples.get(engine)?.backwardTimes.push(...backwardTimes);
      spent.set(engine, (spent.get(engine) ?? 0) + times.reduce((sum, time) => sum + time, 0));
    }
  }
  return samples;
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
