// What requests.mjs asks of an engine's module: that it exports `open`.

/** @typedef {import("../cases.mjs").Case} Case */

/**
 * An engine that is ready to run.
 * @typedef {object} Engine
 * @property {string} version
 * @property {(benchmarkCase: Case) => Promise<Job | undefined> | Job | undefined} prepare undefined for a case that the
 *   engine doesn't offer
 */

/**
 * One case with its inputs in place.
 * @typedef {object} Job
 * @property {(afterForward: () => void) => unknown} run computes the output and drops it: what is timed, to the end of the promise if
 *   it gives one. Of gradients, an engine whose backward pass is a call of its own says when the forward pass is done
 * @property {(milliseconds: number) => Promise<Sample> | Sample} [sample] in place of `run`, for an engine that holds
 *   the clock itself: calls for so long, at least once
 * @property {() => Promise<Result> | Result} result computes the result for the check: the output [B, H, L, Dv] or
 *   [B, L, H, Dv], as the case lays it out, or [M, N]; or the gradients, each as what it is the gradient of; or the losses
 * @property {() => Promise<Float32Array> | Float32Array} [weights] where the case asks for them, the attention weights
 *   [B, H, L, S], or [B, 1, L, S] of one head
 * @property {() => unknown} close gives back what the case took
 */

/** @typedef {Float32Array | Float32Array[]} Result */

/**
 * Calls, in milliseconds.
 * @typedef {object} Sample
 * @property {number[]} times
 * @property {number[]} backwardTimes of their backward passes, where these are known
 */

/**
 * Starts the engine on one thread, in the one arithmetic that this process is for.
 * @template {import("../engines.mjs").EngineBuild} [Build=import("../engines.mjs").EngineBuild]
 * @callback Open
 * @param {Build["arithmetic"]} arithmetic
 * @param {Build} build
 * @returns {Promise<Engine> | Engine}
 */

export {};
