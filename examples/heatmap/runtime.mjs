import { init } from "wasm-attention";

/** @typedef {{ arithmetic: "separate" | "fused", threads: number, version: string }} RuntimeDescription */

/**
 * Starts the package's runtime, and measures how long that takes.
 * @param {boolean} [deterministic]
 */
export async function startRuntime(deterministic = false) {
  const start = performance.now();
  const { arithmetic, threads, version } = await init({ deterministic });
  return { runtime: { arithmetic, threads, version }, milliseconds: performance.now() - start };
}

/** @param {RuntimeDescription} runtime */
export function formatRuntime({ arithmetic, threads, version }) {
  const build = arithmetic === "fused" ? "fused arithmetic (relaxed SIMD)" : "separate arithmetic (SIMD)";
  return `wasm-attention ${version}, ${build}, ${threads === 1 ? "1 thread" : `${threads} threads`}.`;
}
