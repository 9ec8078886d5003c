// The memory that the longest attention takes, and training a layer, in each arithmetic.
import { ourBuilds } from "./engines.mjs";
import { runFresh } from "./fresh-process.mjs";
import { fitLine } from "./scaling.mjs";

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

const trainingProgram = new URL("training-memory.mjs", import.meta.url);
const TRAINED_LENGTHS = [128, 256, 512, 1024, 2048, 4096];
/** Of one layer a checkpoint saves nothing: the peak is in its own backward pass. */
const TRAINED_STACKS = [
  { layers: 1, hasCheckpoint: false },
  { layers: 4, hasCheckpoint: false },
  { layers: 4, hasCheckpoint: true },
].map((stack) => ({ ...stack, width: 256, heads: 8 }));

/**
 * The peak of a training step of attention layers, with the length of their sequence, and the line that fits it best. It is the
 * same in both arithmetics.
 * @returns {Promise<import("./record.mjs").TrainingMemory[]>}
 */
export async function measureTrainingMemory() {
  const [build] = ourBuilds;
  const uses = [];
  for (const stack of TRAINED_STACKS) {
    /** @type {number[]} */
    const bytes = [];
    for (const length of TRAINED_LENGTHS) {
      bytes.push(/** @type {number} */ (await runFresh(trainingProgram, build, { build, ...stack, length })));
    }
    const { slope, intercept } = fitLine(TRAINED_LENGTHS.map((length, index) => [length, bytes[index]]));
    const deviations = bytes.map((peak, index) => Math.abs(peak / (intercept + slope * TRAINED_LENGTHS[index]) - 1));
    uses.push({
      engine: build.name,
      ...stack,
      lengths: TRAINED_LENGTHS,
      bytes,
      bytesPerPosition: Math.round(slope),
      bytesAtZero: Math.round(intercept),
      largestDeviation: Number(Math.max(...deviations).toFixed(4)),
    });
  }
  return uses;
}
