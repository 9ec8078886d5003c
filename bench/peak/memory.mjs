// Reading memory as a job like an engine's, so that its samples stand between theirs.
import { makeMemoryStream } from "./memory-stream.mjs";

/** @type {import("../engines/adapter.mjs").Open} */
export function open(_arithmetic, { streams }) {
  if (streams === undefined) throw new Error("a memory peak needs its number of streams");
  const run = makeMemoryStream(streams);
  return { version: "", prepare: () => ({ run, result: () => new Float32Array(), close() {} }) };
}
