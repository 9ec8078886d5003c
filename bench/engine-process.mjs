// The runner's end of an engine's process.
import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { acceptsRelaxedSimd } from "./peak/multiply-add-loop.mjs";

/** @typedef {import("./worker.mjs").Requests} Requests */

const worker = fileURLToPath(new URL("worker.mjs", import.meta.url));

/** Node 20 knows relaxed SIMD behind this flag; later versions don't know the flag. */
const relaxedSimdFlags = acceptsRelaxedSimd() ? [] : ["--experimental-wasm-relaxed-simd"];

/** A process that runs one engine build. */
export class EngineProcess {
  #child;

  /** Known once it is open. */
  version = "";

  /** @param {import("./engines.mjs").EngineBuild} build */
  constructor(build) {
    this.build = build;
    this.#child = fork(worker, {
      execArgv: build.arithmetic === "fused" ? relaxedSimdFlags : [],
      // Typed arrays travel as they are.
      serialization: "advanced",
      // Standard output belongs to the results.
      stdio: ["ignore", process.stderr, process.stderr, "ipc"],
    });
  }

  /** Starts the engine. */
  async open() {
    this.version = await this.request("open", this.build);
  }

  /**
   * Asks for one thing and waits for it; there is one request at a time.
   * @template {keyof Requests} Method
   * @param {Method} method
   * @param {Parameters<Requests[Method]>} argument
   * @returns {Promise<Awaited<ReturnType<Requests[Method]>>>}
   */
  request(method, ...[argument]) {
    return new Promise((resolve, reject) => {
      const fail = (/** @type {string} */ reason) => reject(new Error(`${this.build.name}: ${reason}`));
      const onMessage = (/** @type {any} */ answer) => {
        this.#child.off("exit", onExit);
        if ("error" in answer) fail(answer.error);
        else resolve(answer.result);
      };
      const onExit = (/** @type {number | null} */ code, /** @type {string | null} */ signal) => {
        this.#child.off("message", onMessage);
        fail(`its process ended (${signal ?? `exit code ${code}`})`);
      };
      this.#child.once("message", onMessage);
      this.#child.once("exit", onExit);
      this.#child.send({ method, argument });
    });
  }

  stop() {
    if (this.#child.connected) this.#child.disconnect();
  }
}
