// The memory that the longest attention takes, in each arithmetic.
import { ourBuilds } from "./engines.mjs";
import { runFresh } from "./fresh-process.mjs";

const program = new URL("peak-memory.mjs", import.meta.url);

/**
 * @param {import("./cases.mjs").AttentionCase} attentionCase
 * @returns {Promise<import("./record.mjs").MemoryUse[]>}
 */
export async function measureMemory(attentionCase) {
  const uses = [];
  for (const build of ourBuilds) {
    const extraBytes = /** @type {number} */ (await runFresh(program, build, { build, attentionCase }));
    uses.push({ engine: build.name, case: attentionCase.name, extraBytes });
  }
  return uses;
}
