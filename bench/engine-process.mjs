// The runner's end of an engine's process.
import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { acceptsRelaxedSimd } from "./peak/multiply-add-loop.mjs";

/** @typedef {import("./engines.mjs").EngineBuild} EngineBuild */
/** @typedef {import("./worker.mjs").Requests} Requests */

const worker = fileURLToPath(new URL("worker.mjs", import.meta.url));

/** Node 20 knows relaxed SIMD behind this flag; later versions don't know the flag. */
const relaxedSimdFlags = acceptsRelaxedSimd() ? [] : ["--experimental-wasm-relaxed-simd"];

/** A process that runs one engine build. */
export class EngineProcess {
  #child;

  /** Why nothing can be asked any more. */
  #end = "";

  /** @type {((answer: import("./worker.mjs").Answer) => void) | undefined} */
  #waiting;

  /** Known once it is open. */
  version = "";

  /** @param {EngineBuild} build */
  constructor(build) {
    this.build = build;
    this.#child = fork(worker, {
      execArgv: build.arithmetic === "fused" ? relaxedSimdFlags : [],
      // Typed arrays travel as they are.
      serialization: "advanced",
      // Standard output belongs to the results.
      stdio: ["ignore", process.stderr, process.stderr, "ipc"],
    });
    this.#child.on("message", (answer) => this.#settle(/** @type {import("./worker.mjs").Answer} */ (answer)));
    this.#child.on("error", (error) => this.#fail(error.message));
    this.#child.on("exit", (code, signal) => this.#fail(`its process ended (${signal ?? `exit code ${code}`})`));
  }

  /** Starts the engine. */
  async open() {
    this.version = await this.request("open", this.build);
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

  /** @param {import("./worker.mjs").Answer} answer */
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
