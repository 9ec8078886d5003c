// What an engine costs before it computes: bytes to ship, time until it is there, and the first call. An edge function pays
// all of them for its first request.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build as bundle } from "esbuild";
import { runFresh } from "./fresh-process.mjs";

/** @typedef {import("./engines.mjs").EngineBuild} EngineBuild */

/** @typedef {import("./record.mjs").Cost} Cost */
/** @typedef {{ initMilliseconds: number, firstCallMilliseconds: number }} Start of a fresh process */

/**
 * What a page or an edge function has to ship, so that attention runs on this engine: the code that a bundler leaves of an
 * entry that uses just what the adapter uses, and the WebAssembly files that it loads on one thread.
 * @type {Readonly<Record<string, { entry: string, wasm: readonly string[] }>>}
 */
const shipped = {
  "engines/wasm-attention.mjs": {
    entry: `export { init, scaledDotProductAttention, Tensor } from "../dist/index.js";`,
    wasm: [],
  },
  "engines/onnxruntime-web.mjs": {
    entry: `export { env, InferenceSession, Tensor } from "onnxruntime-web/wasm";`,
    wasm: ["onnxruntime-web/ort-wasm-simd-threaded.wasm"],
  },
  "engines/tfjs-backend-wasm.mjs": {
    entry: `import { setThreadsCount } from "@tensorflow/tfjs-backend-wasm";
      import { add, dispose, matMul, mul, ready, reshape, setBackend, softmax, tensor2d, tensor3d, tidy } from "@tensorflow/tfjs-core";
      export { add, dispose, matMul, mul, ready, reshape, setBackend, setThreadsCount, softmax, tensor2d, tensor3d, tidy };`,
    wasm: ["@tensorflow/tfjs-backend-wasm/wasm-out/tfjs-backend-wasm-simd.wasm"],
  },
  "engines/jax-js.mjs": {
    entry: `export { defaultDevice, init, jit, nn, numpy } from "@jax-js/jax";`,
    wasm: [],
  },
};

const program = new URL("first-call.mjs", import.meta.url);
const require = createRequire(import.meta.url);

/** @param {EngineBuild} build */
async function measureBytes({ adapter }) {
  const { entry, wasm } = shipped[adapter];
  const { outputFiles } = await bundle({
    stdin: { contents: entry, resolveDir: fileURLToPath(new URL(".", import.meta.url)) },
    bundle: true,
    minify: true,
    write: false,
    format: "esm",
    platform: "browser",
    target: "es2022",
    // Node's own modules stand behind tests for Node, and a page has none of them.
    external: ["fs", "path", "crypto", "os", "url", "module", "perf_hooks", "worker_threads", "util", "node:*"],
    logLevel: "error",
  });
  const files = [
    ...outputFiles.map(({ contents }) => contents),
    ...wasm.map((file) => readFileSync(require.resolve(file))),
  ];
  const sum = (/** @type {number[]} */ sizes) => sizes.reduce((total, size) => total + size, 0);
  return { bytes: sum(files.map(({ length }) => length)), gzipBytes: sum(files.map((file) => gzipSync(file).length)) };
}

/** @param {number[]} times */
function bestAndMedian(times) {
  const sorted = [...times].sort((a, b) => a - b);
  const round = (/** @type {number} */ value) => Number(value.toPrecision(4));
  return { best: round(sorted[0]), median: round(sorted[Math.floor(sorted.length / 2)]) };
}

/**
 * @param {readonly EngineBuild[]} builds
 * @param {import("./cases.mjs").Case} benchmarkCase the first call
 * @param {number} processes for each engine; they take turns
 * @param {(text: string) => void} report
 * @returns {Promise<Cost[]>}
 */
export async function measureCosts(builds, benchmarkCase, processes, report) {
  /** @type {Map<EngineBuild, Start[]>} */
  const starts = new Map(builds.filter(({ adapter }) => adapter in shipped).map((build) => [build, []]));
  for (let round = 0; round < processes; round++) {
    report(`costs: round ${round + 1} of ${processes}`);
    for (const [build, times] of starts) {
      try {
        times.push(/** @type {Start} */ (await runFresh(program, build, { build, benchmarkCase })));
      } catch (error) {
        report(`no costs of ${/** @type {Error} */ (error).message}`);
        starts.delete(build);
      }
    }
  }
  return await Promise.all(
    [...starts].map(async ([build, times]) => ({
      engine: build.name,
      ...(await measureBytes(build)),
      initMilliseconds: bestAndMedian(times.map(({ initMilliseconds }) => initMilliseconds)),
      firstCallMilliseconds: bestAndMedian(times.map(({ firstCallMilliseconds }) => firstCallMilliseconds)),
    })),
  );
}
