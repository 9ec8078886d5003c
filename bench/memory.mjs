// The memory that the longest attention takes, in each arithmetic.
import { ourBuilds } from "./engines.mjs";
import { runFresh } from "./fresh-process.mjs";

/**
 * @typedef {object} MemoryUse
 * @property {string} engine
 * @property {string} case
 * @property {number} extraBytes beside inputs and output
 */

const program = new URL("peak-memory.mjs", import.meta.url);

/**
 * @param {import("./cases.mjs").AttentionCase} attentionCase
 * @returns {Promise<MemoryUse[]>}
 */
export async function measureMemory(attentionCase) {
  const uses = [];
  for (const build of ourBuilds) {
    const extraBytes = /** @type {number} */ (await runFresh(program, build, { build, attentionCase }));
    uses.push({ engine: build.name, case: attentionCase.name, extraBytes });
  }
  return uses;
}
