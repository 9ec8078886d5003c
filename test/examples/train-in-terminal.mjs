// Runs examples/train-in-terminal: left alone, and stopped by Ctrl+C again and again, which ends with the same model.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";

/** In percent. */
const ACCURACY = 98;

/**
 * Starts the training, and presses Ctrl+C after so many milliseconds. What it printed, and its exit status.
 * @param {string} project
 * @param {number} [milliseconds]
 */
async function train(project, milliseconds) {
  const child = spawn(process.execPath, ["main.js"], { cwd: project, stdio: ["ignore", "pipe", "inherit"] });
  let printed = "";
  child.stdout.on("data", (data) => (printed += String(data)));
  const closed = new Promise((resolve) => child.once("close", resolve));
  if (milliseconds !== undefined) {
    await Promise.race([setTimeout(milliseconds), closed]);
    child.kill("SIGINT");
  }
  return { status: await closed, printed };
}

/** @param {string} project */
export async function runTrainInTerminal(project) {
  const [model, state] = ["sorter.safetensors", "training-state.safetensors"].map((name) => join(project, name));
  const start = performance.now();
  const whole = await train(project);
  const seconds = (performance.now() - start) / 1000;
  assert.equal(whole.status, 0);
  const accuracy = Number(/([\d.]+) % of the digits/.exec(whole.printed)?.[1]);
  assert.ok(accuracy >= ACCURACY, whole.printed);
  assert.ok(!existsSync(state));
  const expected = readFileSync(model);
  rmSync(model);

  let stops = 0;
  for (let status = 130; status === 130 && stops < 100; stops++) {
    const run = await train(project, 800);
    status = run.status;
    assert.ok(status === 0 || status === 130, run.printed);
  }
  assert.deepEqual(readFileSync(model), expected);
  return {
    example: "train-in-terminal",
    seconds: Number(seconds.toFixed(1)),
    "accuracy, %": accuracy,
    stopped: stops - 1,
  };
}
