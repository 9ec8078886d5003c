// Processes that end with this one, however it ends.
import { spawn } from "node:child_process";
import { once } from "node:events";

/** @type {Set<import("node:child_process").ChildProcess>} */
const running = new Set();

process.on("exit", () => running.forEach((child) => child.kill("SIGKILL")));
for (const signal of /** @type {const} */ (["SIGINT", "SIGTERM", "SIGHUP"])) process.on(signal, () => process.exit(1));

/**
 * @param {string} program
 * @param {string[]} parameters
 * @param {import("node:child_process").SpawnOptions} options
 */
export function startProcess(program, parameters, options) {
  const child = spawn(program, parameters, options);
  running.add(child);
  child.once("exit", () => running.delete(child));
  return child;
}

/** Ends a process, if it hasn't ended yet. @param {import("node:child_process").ChildProcess} child */
export async function endProcess(child) {
  if (!running.has(child)) return;
  child.kill("SIGKILL");
  await once(child, "exit");
}
