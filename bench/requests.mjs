// What is asked of one engine build, wherever it runs: in a process of its own (worker.mjs) or in a page's worker. One
// request after the other.

/** @typedef {import("./cases.mjs").Case} Case */
/** @typedef {import("./engines.mjs").EngineBuild} EngineBuild */

/**
 * Engines compile their hot code by what has run before: a slow call runs a few times, unless that takes so many times as
 * long as was asked for. A call that alone takes longer has warmed itself by the check.
 */
const WARM_UP_CALLS = 3;
const LONGEST_WARM_UP = 3;

/** @type {import("./engines/adapter.mjs").Engine} */
let engine;
/** @type {import("./engines/adapter.mjs").Job} */
let job;
/** Milliseconds of the call for the check. */
let checkTime = 0;

/**
 * Calls until the time is up, at least once.
 * @param {number} milliseconds
 * @returns {Promise<import("./engines/adapter.mjs").Sample>}
 */
async function sample(milliseconds) {
  if (job.sample !== undefined) return await job.sample(milliseconds);
  const times = [];
  const backwardTimes = [];
  for (let spent = 0; times.length === 0 || spent < milliseconds; spent += times[times.length - 1]) {
    let middle = NaN;
    const start = performance.now();
    await job.run(() => (middle = performance.now()));
    const end = performance.now();
    times.push(end - start);
    if (!Number.isNaN(middle)) backwardTimes.push(end - middle);
  }
  return { times, backwardTimes };
}

export const requests = {
  /**
   * Starts the engine; its version.
   * @param {EngineBuild} build
   * @returns {Promise<string>}
   */
  async open(build) {
    const module = /** @type {{ open: import("./engines/adapter.mjs").Open }} */ (
      await import(new URL(build.adapter, import.meta.url).href)
    );
    engine = await module.open(build.arithmetic, build);
    return engine.version;
  },

  /**
   * Puts the inputs in place; the results, for the check, or undefined for a case that the engine doesn't offer.
   * @param {Case} benchmarkCase
   * @returns {Promise<import("./oracle.mjs").Actual | undefined>}
   */
  async prepare(benchmarkCase) {
    const prepared = await engine.prepare(benchmarkCase);
    if (prepared === undefined) return undefined;
    job = prepared;
    const start = performance.now();
    const result = await job.result();
    checkTime = performance.now() - start;
    if (Array.isArray(result)) return result;
    return job.weights === undefined ? [result] : [result, await job.weights()];
  },

  /** @param {number} milliseconds */
  async warmUp(milliseconds) {
    if (checkTime > LONGEST_WARM_UP * milliseconds) return;
    let calls = 0;
    let spent = 0;
    while (spent < milliseconds || (calls < WARM_UP_CALLS && spent < LONGEST_WARM_UP * milliseconds)) {
      const { times } = await sample(0);
      calls += times.length;
      for (const time of times) spent += time;
    }
  },

  sample,

  async close() {
    await job.close();
  },
};

/** @typedef {typeof requests} Requests */
/** @typedef {{ method: keyof Requests, argument: never }} Request */
/** @typedef {{ result: unknown } | { error: string }} Answer */

/**
 * @param {Request} request
 * @returns {Promise<Answer>}
 */
export async function answer({ method, argument }) {
  try {
    return { result: await requests[method](argument) };
  } catch (error) {
    return { error: error instanceof Error ? error.message : String(error) };
  }
}
