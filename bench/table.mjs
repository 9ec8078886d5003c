// The figures of a run as text for a terminal.
import Table from "cli-table3";
import { REFERENCE } from "./engines.mjs";

/** @typedef {ReturnType<typeof import("./environment.mjs").describeEnvironment>} Environment */
/** @typedef {ReturnType<typeof import("./results.mjs").evaluate>} Results */
/** @typedef {import("./results.mjs").Measurement} Measurement */

/** A median below this share of the best means that somebody else used the processor for much of the run. */
const CLEAN_SHARE = 0.9;

const percent = (/** @type {number} */ share) => `${(100 * share).toFixed(0)}%`;
const number = (/** @type {number} */ value) => value.toFixed(value < 10 ? 2 : 1);

/** @param {Measurement} measurement */
function cells({ engine, milliseconds, gflops, shareOfPeak, timesReference }) {
  if (milliseconds === undefined || gflops === undefined) return [engine, "wrong", "", "", "", "", ""];
  const { best, median, lowerQuartile, upperQuartile } = milliseconds;
  return [
    engine,
    number(best),
    number(median),
    `${number(lowerQuartile)} to ${number(upperQuartile)}`,
    gflops.toFixed(1),
    shareOfPeak === undefined ? "" : percent(shareOfPeak),
    timesReference === undefined ? "" : `${timesReference.toFixed(2)}×`,
  ];
}

/** @param {readonly Measurement[]} measurements */
function drawTable(measurements) {
  const table = new Table({
    head: ["case", "engine", "best ms", "median ms", "middle half", "GFLOP/s", "of peak", `${REFERENCE} = 1`],
    colAligns: ["left", "left", "right", "right", "right", "right", "right", "right"],
    style: { head: [], border: [] },
  });
  for (const name of new Set(measurements.map((measurement) => measurement.case))) {
    const rows = measurements.filter((measurement) => measurement.case === name).map(cells);
    const columns = rows[0].map((_, column) => rows.map((row) => row[column]).join("\n"));
    table.push([name, ...columns]);
  }
  return table.toString();
}

/**
 * @param {Environment} environment
 * @param {Results} results
 */
export function describe(environment, { engines, skipped, peaks, measurements }) {
  const lines = [
    `${environment.processor}, ${String(environment.processors)} processors, ${environment.system}; ` +
      `Node ${environment.node}, V8 ${environment.v8}; ${environment.date.slice(0, 10)}; one thread`,
    engines.map(({ name, version }) => `${name} ${version}`).join(", "),
    ...skipped.map(({ reason }) => `skipped: ${reason}`),
    drawTable(measurements),
    ...measurements
      .filter(({ samples }) => samples === 0)
      .map(
        ({ case: name, engine, largestError, tolerance }) =>
          `wrong: ${name}, ${engine}: off by ${String(largestError ?? NaN)}, allowed ${String(tolerance)}`,
      ),
    ...peaks.map(
      ({ arithmetic, gflops, medianGflops }) =>
        `peak, ${arithmetic}: ${gflops.toFixed(1)} GFLOP/s, median ${medianGflops.toFixed(1)}`,
    ),
  ];
  if (peaks.some(({ gflops, medianGflops }) => medianGflops < CLEAN_SHARE * gflops)) {
    lines.push("The machine was busy with something else for much of the run: best times may be too long. Run again.");
  }
  return lines.join("\n");
}
