// The engines and peaks that are measured, each in a process of its own: one build of an engine a process, so that
// neither its state nor its compiled code meets another's.

/**
 * @typedef {object} EngineBuild
 * @property {string} name
 * @property {string} adapter the module in engines/ or peak/ that runs it
 * @property {"separate" | "fused"} arithmetic how it multiplies and adds; its share is of this arithmetic's peak
 */

/** The engine that the others are compared with. */
export const REFERENCE = "onnxruntime-web";

/** @type {readonly EngineBuild[]} */
export const engineBuilds = [
  { name: "wasm-attention separate", adapter: "engines/wasm-attention.mjs", arithmetic: "separate" },
  { name: "wasm-attention fused", adapter: "engines/wasm-attention.mjs", arithmetic: "fused" },
  { name: REFERENCE, adapter: "engines/onnxruntime-web.mjs", arithmetic: "separate" },
];

/** @type {readonly EngineBuild[]} */
export const peakBuilds = [
  { name: "peak separate", adapter: "peak/adapter.mjs", arithmetic: "separate" },
  { name: "peak fused", adapter: "peak/adapter.mjs", arithmetic: "fused" },
];
