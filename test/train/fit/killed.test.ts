/** A training whose process is killed, again and again, ends with the bits of one that is left alone. */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { expect, it } from "vitest";

const program = fileURLToPath(new URL("killed-training.mjs", import.meta.url));

/** Runs the training until it ends, or kills it after so many steps. The last line that it printed. */
async function run(file: string, stepsToLive: number): Promise<string> {
  const child = spawn(process.execPath, [program, file], { stdio: ["ignore", "pipe", "inherit"] });
  let [steps, last] = [0, ""];
  for await (const line of createInterface({ input: child.stdout })) {
    last = line;
    if (line.startsWith("step") && ++steps === stepsToLive) child.kill("SIGKILL");
  }
  return last;
}

async function train(lives: readonly number[]): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "wasm-attention-killed-"));
  try {
    const file = join(folder, "state.safetensors");
    for (const life of lives) expect(await run(file, life)).toMatch(/^step/);
    return await run(file, Infinity);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

it("ends with the same bits when killed at 20 random steps", async () => {
  const undisturbed = await train([]);
  expect(undisturbed).toMatch(/^end [0-9a-f]{64}$/);
  // 48 steps; each life gets at least one further.
  const [lives] = fc.sample(fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 20, maxLength: 20 }), {
    numRuns: 1,
    seed: 4,
  });
  expect(lives.reduce((sum, life) => sum + life)).toBeLessThan(48);
  expect(await train(lives)).toBe(undisturbed);
}, 120_000);
