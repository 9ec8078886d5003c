// The multiply-add peak as a job like an engine's, so that its samples stand between theirs.
import { acceptsRelaxedSimd, makeMultiplyAddLoop } from "./multiply-add-loop.mjs";

/** @type {import("../engines/adapter.mjs").Open<import("../engines.mjs").PeakBuild>} */
export function open(arithmetic) {
  if (arithmetic === "fused" && !acceptsRelaxedSimd()) throw new Error("this host has no relaxed SIMD");
  const run = makeMultiplyAddLoop(arithmetic);
  return { version: "", prepare: () => ({ run, result: () => new Float32Array(), close() {} }) };
}
