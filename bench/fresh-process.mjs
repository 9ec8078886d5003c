// Runs a small program of the benchmark in a process of its own, for what only a fresh process shows.
import { fork } from "node:child_process";
import { once } from "node:events";
import { flagsFor } from "./engine-process.mjs";

/**
 * @param {URL} program a module that sends one message
 * @param {import("./engines.mjs").EngineBuild} build
 * @param {unknown} argument handed to the program as JSON
 * @returns {Promise<unknown>} what it sends; throws what it ends with
 */
export async function runFresh(program, build, argument) {
  const child = fork(program, [JSON.stringify(argument)], {
    execArgv: flagsFor(build.arithmetic),
    stdio: ["ignore", process.stderr, "pipe", "ipc"],
  });
  let complaint = "";
  child.stderr?.setEncoding("utf8").on("data", (/** @type {string} */ text) => (complaint += text));
  /** @type {unknown} */
  let message;
  child.on("message", (sent) => (message = sent));
  const [code] = await once(child, "close");
  if (message === undefined) {
    const reason = /^\w*Error\b.*$/m.exec(complaint)?.[0] ?? `its process ended with exit code ${code}`;
    throw new Error(`${build.name}: ${reason}`);
  }
  return message;
}
