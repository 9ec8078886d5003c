// The runner's end of an engine's process.
import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { acceptsRelaxedSimd } from "./peak/multiply-add-loop.mjs";

/** @typedef {import("./engines.mjs").EngineBuild} EngineBuild */
/** @typedef {import("./requests.mjs").Requests} Requests */
/** @typedef {import("./requests.mjs").Answer} Answer */

const worker = fileURLToPath(new URL("worker.mjs", import.meta.url));

/** Node 20 knows relaxed SIMD behind this flag; later versions don't know the flag. */
const relaxedSimdFlags = acceptsRelaxedSimd() ? [] : ["--experimental-wasm-relaxed-simd"];

/**
 * The flags that a process needs for an arithmetic.
 * @param {EngineBuild["arithmetic"]} arithmetic
 */
export const flagsFor = (arithmetic) => (arithmetic === "fused" ? relaxedSimdFlags : []);

/**
 * Starts an engine build in a process of its own. Throws an Error that names the engine and says why it can't run here.
 * @type {import("./measure.mjs").OpenEngine}
 */
export async function openEngineProcess(build) {
  const engine = new EngineProcess(build);
  try {
    engine.version = await engine.request("open", build);
    return engine;
  } catch (error) {
    engine.stop();
    throw error;
  }
}

class EngineProcess {
  #child;

  /** Why nothing can be asked any more. */
  #end = "";

  /** @type {((answer: Answer) => void) | undefined} */
  #waiting;

  version = "";

  /** @param {EngineBuild} build */
  constructor(build) {
    this.build = build;
    this.#child = fork(worker, {
      execArgv: flagsFor(build.arithmetic),
      // Typed arrays travel as they are.
      serialization: "advanced",
      // Standard output belongs to the results.
      stdio: ["ignore", process.stderr, process.stderr, "ipc"],
    });
    this.#child.on("message", (answer) => this.#settle(/** @type {Answer} */ (answer)));
    this.#child.on("error", (error) => this.#fail(error.message));
    this.#child.on("exit", (code, signal) => this.#fail(`its process ended (${signal ?? `exit code ${code}`})`));
  }

  /**
   * Asks for one thing and waits for it; there is one request at a time. Throws an Error that names the engine.
   * @template {keyof Requests} Method
   * @param {Method} method
   * @param {Parameters<Requests[Method]>} argument
   * @returns {Promise<Awaited<ReturnType<Requests[Method]>>>}
   */
  request(method, ...[argument]) {
    return new Promise((resolve, reject) => {
      this.#waiting = (answer) => {
        if ("error" in answer) reject(new Error(`${this.build.name}: ${answer.error}`));
        else resolve(/** @type {Awaited<ReturnType<Requests[Method]>>} */ (answer.result));
      };
      if (this.#end === "") this.#child.send({ method, argument });
      else this.#settle({ error: this.#end });
    });
  }

  stop() {
    if (this.#child.connected) this.#child.disconnect();
  }

  /** @param {Answer} answer */
  #settle(answer) {
    this.#waiting?.(answer);
    this.#waiting = undefined;
  }

  /** @param {string} reason */
  #fail(reason) {
    this.#end = reason;
    this.#settle({ error: reason });
  }
}
