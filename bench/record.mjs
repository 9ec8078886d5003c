// What a run leaves behind: the JSON of `--json`, which bench/record/ keeps and the README's table comes from.

/**
 * @typedef {ReturnType<typeof import("./environment.mjs").describeEnvironment> & { browser?: string }} Environment with a
 *   browser, the engines ran in that; Node only steered it
 */
/** @typedef {ReturnType<typeof import("./results.mjs").evaluate>} Results */

/**
 * Costs, scaling and memory are absent where a filter left them out.
 * @typedef {Results & {
 *   environment: Environment,
 *   costs?: import("./costs.mjs").Cost[],
 *   scaling?: import("./scaling.mjs").Scaling[],
 *   memory?: import("./memory.mjs").MemoryUse[],
 * }} Record
 */

export {};
