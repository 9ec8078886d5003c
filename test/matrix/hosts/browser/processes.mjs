// Whatever is started here ends with this process, however it ends: at its end, by an error or by a signal.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { constants, tmpdir } from "node:os";
import { join } from "node:path";

/** @type {Set<import("node:child_process").ChildProcess>} */
const running = new Set();

/** @type {string | undefined} */
let scratchFolder;

/** The program and all that it started in turn. @param {import("node:child_process").ChildProcess} leader */
function killGroup({ pid }) {
  if (pid === undefined) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code !== "ESRCH") throw error;
  }
}

function endAll() {
  for (const leader of running) killGroup(leader);
  // What was just killed may still write for a moment.
  if (scratchFolder !== undefined) rmSync(scratchFolder, { recursive: true, force: true, maxRetries: 10 });
}

let watching = false;

/** From here on a signal is an orderly exit, which ends all processes that were handed to `track`. */
function watchExit() {
  if (watching) return;
  watching = true;
  process.on("exit", endAll);
  for (const signal of /** @type {const} */ (["SIGINT", "SIGTERM", "SIGHUP"])) {
    process.once(signal, () => process.exit(128 + constants.signals[signal]));
  }
}

/**
 * Ends a process, which leads a group of its own, together with this one.
 * @param {import("node:child_process").ChildProcess} leader
 */
export function track(leader) {
  watchExit();
  running.add(leader);
  // Its children may outlive it.
  leader.once("exit", () => killGroup(leader));
  leader.once("exit", () => running.delete(leader));
}

/**
 * Starts a program in a process group of its own.
 * @param {string} program
 * @param {string[]} parameters
 * @param {import("node:child_process").SpawnOptions} options
 */
export function start(program, parameters, options) {
  const leader = spawn(program, parameters, { ...options, detached: true });
  track(leader);
  return leader;
}

/**
 * Ends a program, with its children, and waits for it.
 * @param {import("node:child_process").ChildProcess} leader
 */
export async function end(leader) {
  if (!running.has(leader)) return;
  const exited = new Promise((resolve) => leader.once("exit", resolve));
  killGroup(leader);
  await exited;
}

/** A new folder for a browser's or an extension's files, gone when this process ends. @param {string} name */
export function makeScratchFolder(name) {
  watchExit();
  scratchFolder ??= mkdtempSync(join(tmpdir(), "wasm-attention-browsers-"));
  return mkdtempSync(join(scratchFolder, `${name}-`));
}
