// Whatever is started here ends with this process, however it ends: at its end, by an error or by a signal.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { constants, tmpdir } from "node:os";
import { join } from "node:path";

const removalAttempts = 20;
const removalPauseMilliseconds = 50;

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

/** Node's own retries take no notice of files that appear meanwhile. @param {string} folder */
function removeFolder(folder) {
  for (let attempt = 0; attempt < removalAttempts; attempt++) {
    try {
      return rmSync(folder, { recursive: true, force: true });
    } catch {
      // What was just killed still wrote.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, removalPauseMilliseconds);
    }
  }
  console.error(`${folder} is still in use, and stays`);
}

function endAll() {
  for (const leader of running) killGroup(leader);
  if (scratchFolder !== undefined) removeFolder(scratchFolder);
}

let watching = false;

/** From here on a signal is an orderly exit, and an exit the end of all that was started. */
function watchExit() {
  if (watching) return;
  watching = true;
  process.on("exit", endAll);
  for (const signal of /** @type {const} */ (["SIGINT", "SIGTERM", "SIGHUP"])) {
    process.once(signal, () => {
      // To the end of the list: puppeteer's listener kills a browser that is just starting.
      process.off("exit", endAll).on("exit", endAll);
      process.exit(128 + constants.signals[signal]);
    });
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
