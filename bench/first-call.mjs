// A program for a fresh process: how long an engine takes to be there, and its first call, when nothing has run before.
import { makeInputs } from "./inputs.mjs";

/** @type {{ build: import("./engines.mjs").EngineBuild, benchmarkCase: import("./cases.mjs").AttentionCase }} */
const { build, benchmarkCase } = JSON.parse(process.argv[2]);
// Kept by inputs.mjs, so that their making is no part of the first call.
makeInputs(benchmarkCase);

const start = performance.now();
const module = /** @type {{ open: import("./engines/adapter.mjs").Open }} */ (
  await import(new URL(build.adapter, import.meta.url).href)
);
const engine = await module.open(build.arithmetic, build);
const opened = performance.now();
const job = await engine.prepare(benchmarkCase);
if (job === undefined) throw new Error("the engine doesn't offer the case");
await job.run(() => {});
const called = performance.now();

process.send?.({ initMilliseconds: opened - start, firstCallMilliseconds: called - opened }, () => process.exit());
