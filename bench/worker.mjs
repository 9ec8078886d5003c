// The process of one engine build: does what engine-process.mjs asks for, one request after the other.
import { performance } from "node:perf_hooks";

/** @typedef {import("./cases.mjs").AttentionCase} AttentionCase */
/** @typedef {import("./engines.mjs").EngineBuild} EngineBuild */

// Engines compile their hot code by what has run before: long enough for the slowest call to run a few times.
const WARM_UP_MILLISECONDS = 500;
const WARM_UP_CALLS = 3;

/** @type {import("./engines/adapter.mjs").Engine} */
let engine;
/** @type {import("./engines/adapter.mjs").Job} */
let job;

const requests = {
  /**
   * Starts the engine; its version.
   * @param {EngineBuild} build
   * @returns {Promise<string>}
   */
  async open({ adapter, arithmetic }) {
    const module = /** @type {{ open: import("./engines/adapter.mjs").Open }} */ (
      await import(new URL(adapter, import.meta.url).href)
    );
    engine = await module.open(arithmetic);
    return engine.version;
  },

  /**
   * Puts the inputs in place; the output, for the check.
   * @param {AttentionCase} attentionCase
   * @returns {Promise<Float32Array>}
   */
  async prepare(attentionCase) {
    job = await engine.prepare(attentionCase);
    return await job.result();
  },

  async warmUp() {
    const start = performance.now();
    for (let call = 0; call < WARM_UP_CALLS || performance.now() - start < WARM_UP_MILLISECONDS; call++) {
      await job.run();
    }
  },

  /**
   * Calls until the time is up, at least once; the milliseconds of each call.
   * @param {number} milliseconds
   * @returns {Promise<number[]>}
   */
  async sample(milliseconds) {
    const times = [];
    for (let spent = 0; times.length === 0 || spent < milliseconds; spent += times[times.length - 1]) {
      const start = performance.now();
      await job.run();
      times.push(performance.now() - start);
    }
    return times;
  },

  async close() {
    await job.close();
  },
};

/** @typedef {typeof requests} Requests */
/** @typedef {{ method: keyof Requests, argument: never }} Request */
/** @typedef {{ result: unknown } | { error: string }} Answer */

process.on("message", async (/** @type {Request} */ { method, argument }) => {
  /** @type {Answer} */
  let answer;
  try {
    answer = { result: await requests[method](argument) };
  } catch (error) {
    answer = { error: error instanceof Error ? error.message : String(error) };
  }
  process.send?.(answer);
});

process.on("disconnect", () => process.exit());
