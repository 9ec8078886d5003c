// `npm run bench:operations`: what a call of each operation costs, as a share of what the same run reads from memory at most. The
// operations are those of test/cases/operations.ts, whose results are compared with the oracles before anything is timed.
import { fork } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import Table from "cli-table3";
import { build } from "esbuild";
import { flagsFor } from "./engine-process.mjs";
import { makeMemoryStream } from "./peak/memory-stream.mjs";
import { percent, threeDigits } from "./text.mjs";

const SAMPLES = 60;
const SAMPLE_MILLISECONDS = 2;
const CHECKED_CALLS = 20;
const STREAMS = 4;

/** @typedef {typeof import("../ts/entry/default.js") & typeof import("../test/cases/operations.js") & typeof import("../test/support/fault.js") & { fc: typeof import("fast-check") }} Bundle */

const here = fileURLToPath(import.meta.url);
const arithmetics = /** @type {const} */ (["separate", "fused"]);

/** The package and the operations' records in one file. */
async function bundle(/** @type {string} */ outfile) {
  const contents = `
    export * from "../ts/entry/default.js";
    export { operations } from "../test/cases/operations.js";
    export { faultOf } from "../test/support/fault.js";
    export * as fc from "fast-check";`;
  const resolveDir = fileURLToPath(new URL(".", import.meta.url));
  await build({ stdin: { contents, resolveDir }, bundle: true, format: "esm", platform: "node", outfile });
}

/** Throws where an operation's results aren't what its oracle says. */
function verify(/** @type {Bundle} */ { fc, faultOf, scope, operations }) {
  for (const { name, property } of operations) {
    if ("suite" in property) continue;
    for (const { run, dtype, expected, tolerance } of fc.sample(property.trials, { numRuns: CHECKED_CALLS, seed: 1 })) {
      const fault = scope(() => faultOf(run(), dtype, expected, tolerance));
      if (fault !== undefined) throw new Error(`${name}: ${fault}`);
    }
  }
}

/** The least time of a call, and the median, over samples that stand between those of all others; in microseconds. */
function time(/** @type {readonly (() => void)[]} */ calls) {
  const counts = calls.map((call) => {
    let count = 0;
    for (const start = performance.now(); performance.now() - start < SAMPLE_MILLISECONDS; count++) call();
    return count;
  });
  /** @type {number[][]} */
  const times = calls.map(() => []);
  for (let sample = 0; sample < SAMPLES; sample++) {
    calls.forEach((call, index) => {
      const start = performance.now();
      for (let repeat = 0; repeat < counts[index]; repeat++) call();
      times[index].push((1000 * (performance.now() - start)) / counts[index]);
    });
  }
  return times.map((samples) => {
    samples.sort((a, b) => a - b);
    return { best: samples[0], median: samples[samples.length >> 1] };
  });
}

async function measure(/** @type {string} */ file, /** @type {string} */ arithmetic) {
  /** @type {Bundle} */
  const { init, operations, scope, ...rest } = await import(pathToFileURL(file).href);
  const runtime = await init({ deterministic: arithmetic === "separate" });
  if (runtime.arithmetic !== arithmetic) throw new Error("this host doesn't fuse");
  verify({ init, operations, scope, ...rest });
  scope(() => {
    const typical = operations.flatMap(({ name, typical }) => (typical === undefined ? [] : [{ name, ...typical() }]));
    // As many bytes as each call touches: what fits a cache is read faster, by everyone.
    const peaks = typical.map(({ bytes }) =>
      makeMemoryStream(
        STREAMS,
        /** @type {import("./cases.mjs").LinearCase} */ ({
          operation: "linear",
          rows: 1,
          inFeatures: 1,
          outFeatures: Math.ceil(bytes / 8),
          hasBias: false,
        }),
      ),
    );
    const measured = time([
      ...typical.map(
        ({ run }) =>
          () =>
            run().dispose(),
      ),
      ...peaks,
    ]);
    const table = new Table({
      head: [arithmetic, "size", "best µs", "median µs", "GB/s", "of reading"],
      colAligns: ["left", "left", "right", "right", "right", "right"],
      style: { head: [], border: [] },
    });
    typical.forEach(({ name, size, bytes }, index) => {
      const [{ best, median }, reading] = [measured[index], measured[typical.length + index]];
      const speed = bytes / best / 1000;
      table.push([
        name,
        size,
        threeDigits(best),
        threeDigits(median),
        threeDigits(speed),
        percent(reading.best / best),
      ]);
    });
    console.log(table.toString());
  });
  runtime.dispose();
}

if (process.argv[2] === undefined) {
  const folder = mkdtempSync(join(tmpdir(), "wasm-attention-operations-"));
  try {
    const file = join(folder, "operations.mjs");
    await bundle(file);
    for (const arithmetic of arithmetics) {
      const child = fork(here, [file, arithmetic], { execArgv: flagsFor(arithmetic) });
      const status = await new Promise((resolve) => child.on("exit", resolve));
      if (status !== 0) process.exitCode = 1;
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
} else {
  await measure(process.argv[2], process.argv[3]);
}
