// The end in Node of a Python process that runs a native engine: python/main.py says what travels.
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

const program = fileURLToPath(new URL("python/main.py", import.meta.url));

/** Each of the libraries beneath would start threads of its own. */
const oneThread = { OMP_NUM_THREADS: "1", MKL_NUM_THREADS: "1", OPENBLAS_NUM_THREADS: "1" };

/**
 * @typedef {object} NamedArray
 * @property {string} name
 * @property {"float32" | "float16" | "bool" | "uint8" | "int32"} dtype
 * @property {readonly number[]} shape
 * @property {ArrayBufferView} elements
 */

/**
 * @typedef {object} Feeds
 * @property {readonly NamedArray[]} arrays what a case's job needs
 * @property {(output: Float32Array) => Float32Array} [toResult] where the output isn't in the layout of the case
 */

/** A Python process: answers one request at a time. */
class PythonProcess {
  #child;

  /** What came and wasn't read yet. */
  #chunks = /** @type {Buffer[]} */ ([]);

  #received = 0;

  #wake = () => {};

  /** Why nothing more will come. */
  #end = "";

  /** @param {string} engine a module in python/ */
  constructor(engine) {
    const interpreter = process.env.PYTHON ?? "python3";
    this.#child = spawn(interpreter, [program, engine], {
      env: { ...process.env, ...oneThread },
      stdio: ["pipe", "pipe", "inherit"],
    });
    this.#child.stdout.on("data", (/** @type {Buffer} */ chunk) => {
      this.#chunks.push(chunk);
      this.#received += chunk.length;
      this.#wake();
    });
    // A process that ended can't be written to; its end is what is reported.
    this.#child.stdin.on("error", () => {});
    this.#child.on("error", (error) => this.#fail(`${interpreter} doesn't start: ${error.message}`));
    this.#child.on("close", (code, signal) => this.#fail(`${interpreter} ended (${signal ?? `exit code ${code}`})`));
  }

  /** @param {string} reason */
  #fail(reason) {
    this.#end ||= reason;
    this.#wake();
  }

  /** The next bytes, when they are there. @param {number} size */
  async #read(size) {
    while (this.#received < size) {
      if (this.#end !== "") throw new Error(this.#end);
      await /** @type {Promise<void>} */ (new Promise((resolve) => (this.#wake = resolve)));
    }
    const all = Buffer.concat(this.#chunks);
    this.#chunks = [all.subarray(size)];
    this.#received -= size;
    return all.subarray(0, size);
  }

  /** The next answer: its fields and the bytes that follow. */
  async readAnswer() {
    const length = (await this.#read(4)).readUInt32LE();
    const answer = /** @type {{ error?: string, version?: string, result?: unknown, bytes: number }} */ (
      JSON.parse((await this.#read(length)).toString())
    );
    const payload = await this.#read(answer.bytes);
    if (answer.error !== undefined) throw new Error(answer.error);
    return { ...answer, payload };
  }

  /**
   * @param {{ method: string, case?: unknown, milliseconds?: number }} request
   * @param {readonly NamedArray[]} [arrays]
   */
  ask(request, arrays = []) {
    const descriptions = arrays.map(({ name, dtype, shape }) => ({ name, dtype, shape }));
    const text = Buffer.from(JSON.stringify({ ...request, arrays: descriptions }));
    const length = Buffer.alloc(4);
    length.writeUInt32LE(text.length);
    this.#child.stdin.write(Buffer.concat([length, text]));
    for (const { elements } of arrays) {
      this.#child.stdin.write(Buffer.from(elements.buffer, elements.byteOffset, elements.byteLength));
    }
    return this.readAnswer();
  }
}

/**
 * An engine whose module stands in python/.
 * @param {string} engine
 * @param {(benchmarkCase: import("../cases.mjs").Case) => Feeds | undefined} makeFeeds undefined for a case that the engine
 *   can't express
 * @returns {Promise<import("./adapter.mjs").Engine>}
 */
export async function openPython(engine, makeFeeds) {
  const python = new PythonProcess(engine);
  const { version = "" } = await python.readAnswer();
  return {
    version,
    async prepare(benchmarkCase) {
      const feeds = makeFeeds(benchmarkCase);
      if (feeds === undefined) return undefined;
      const { arrays, toResult = (output) => output } = feeds;
      const { result: isOffered } = await python.ask({ method: "prepare", case: benchmarkCase }, arrays);
      if (isOffered !== true) return undefined;
      return {
        run: () => python.ask({ method: "run" }),
        async result() {
          const { payload, result } = await python.ask({ method: "result" });
          // A copy begins where a Float32Array may.
          const elements = new Float32Array(new Uint8Array(payload).buffer);
          let end = 0;
          const results = /** @type {number[]} */ (result).map((length) => elements.subarray(end, (end += length)));
          return results.map(toResult);
        },
        async sample(milliseconds) {
          const { result } = await python.ask({ method: "sample", milliseconds });
          return /** @type {import("./adapter.mjs").Sample} */ (result);
        },
        close: () => python.ask({ method: "close" }),
      };
    },
  };
}
