// What worker.mjs asks of an engine's module: that it exports `open`.

/** @typedef {import("../cases.mjs").AttentionCase} AttentionCase */

/**
 * An engine that is ready to run.
 * @typedef {object} Engine
 * @property {string} version
 * @property {(attentionCase: AttentionCase) => Promise<Job> | Job} prepare
 */

/**
 * One case with its inputs in place.
 * @typedef {object} Job
 * @property {() => unknown} run computes the output and drops it: what is timed, to the end of the promise if it gives one
 * @property {() => Promise<Float32Array> | Float32Array} result computes the output [B, H, L, D] for the check
 * @property {() => unknown} close gives back what the case took
 */

/**
 * Starts the engine on one thread, in the one arithmetic that this process is for.
 * @callback Open
 * @param {"separate" | "fused"} arithmetic
 * @returns {Promise<Engine> | Engine}
 */

export {};
