// Reading memory as a job like an engine's, so that its samples stand between theirs.
import { makeMemoryStream } from "./memory-stream.mjs";

/** @type {import("../engines/adapter.mjs").Open<import("../engines.mjs").PeakBuild>} */
export function open(_arithmetic, { streams }) {
  if (streams === undefined) throw new Error("a memory peak needs its number of streams");
  return {
    version: "",
    prepare: (benchmarkCase) => ({
      run: makeMemoryStream(streams, benchmarkCase),
      result: () => new Float32Array(),
      close() {},
    }),
  };
}
