// The engines and peaks that are measured, each in a process of its own: one build of an engine a process, so that
// neither its state nor its compiled code meets another's.

/**
 * @typedef {object} EngineBuild
 * @property {string} name
 * @property {string} adapter the module in engines/ or peak/ that runs it
 * @property {"separate" | "fused" | "native"} arithmetic how it multiplies and adds; its share is of this arithmetic's
 *   peak. Native code uses wider vectors than WebAssembly's 128 bits, so it has no share
 */

/**
 * A loop that does nothing but what limits the engines.
 * @typedef {EngineBuild & { arithmetic: "separate" | "fused", streams?: 1 | 4 | 8 }} PeakBuild with streams it reads memory,
 *   by so many streams at once; without it multiplies and adds
 */

/** @type {readonly EngineBuild[]} */
export const ourBuilds = [
  { name: "wasm-attention separate", adapter: "engines/wasm-attention.mjs", arithmetic: "separate" },
  { name: "wasm-attention fused", adapter: "engines/wasm-attention.mjs", arithmetic: "fused" },
];

/**
 * The engine that the others are compared with, by whichever of its two operators is the faster one.
 * @type {readonly EngineBuild[]}
 */
export const referenceBuilds = [
  { name: "onnxruntime-web", adapter: "engines/onnxruntime-web.mjs", arithmetic: "separate" },
  {
    name: "onnxruntime-web MultiHeadAttention",
    adapter: "engines/onnxruntime-web-multihead-attention.mjs",
    arithmetic: "separate",
  },
];

/** @type {readonly EngineBuild[]} */
export const engineBuilds = [
  ...ourBuilds,
  ...referenceBuilds,
  { name: "tfjs-backend-wasm", adapter: "engines/tfjs-backend-wasm.mjs", arithmetic: "separate" },
  { name: "jax-js", adapter: "engines/jax-js.mjs", arithmetic: "fused" },
  { name: "naive TypeScript", adapter: "engines/naive-typescript.mjs", arithmetic: "separate" },
  { name: "PyTorch", adapter: "engines/pytorch.mjs", arithmetic: "native" },
  { name: "onnxruntime", adapter: "engines/onnxruntime.mjs", arithmetic: "native" },
];

/** @type {readonly PeakBuild[]} */
export const peakBuilds = [
  { name: "multiply-add separate", adapter: "peak/adapter.mjs", arithmetic: "separate" },
  { name: "multiply-add fused", adapter: "peak/adapter.mjs", arithmetic: "fused" },
  { name: "memory 1 stream", adapter: "peak/memory.mjs", arithmetic: "separate", streams: 1 },
  { name: "memory 4 streams", adapter: "peak/memory.mjs", arithmetic: "separate", streams: 4 },
  { name: "memory 8 streams", adapter: "peak/memory.mjs", arithmetic: "separate", streams: 8 },
];
