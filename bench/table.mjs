// The figures of a run as text for a terminal.
import Table from "cli-table3";
import { percent, threeDigits } from "./text.mjs";

/** @typedef {import("./record.mjs").Measurement} Measurement */
/** @typedef {import("./record.mjs").Peak} Peak */
/** @typedef {import("./record.mjs").Record} Record */

/** A median below this share of the best means that somebody else used the processor for much of the run. */
const CLEAN_SHARE = 0.9;

const megabytes = (/** @type {number} */ bytes) => `${(bytes / 1e6).toFixed(1)} MB`;

/**
 * @param {readonly string[]} head
 * @param {number} leftColumns how many of the columns are text
 */
export const makeTable = (head, leftColumns) =>
  new Table({
    head: [...head],
    colAligns: head.map((_, column) => (column < leftColumns ? "left" : "right")),
    style: { head: [], border: [] },
  });

/** @param {import("./record.mjs").Backward} backward */
const describeBackward = ({ milliseconds: { best, median }, shareOfPeak, timesForward }) =>
  [
    `${threeDigits(best)} (${threeDigits(median)}) ms`,
    ...(shareOfPeak === undefined ? [] : [percent(shareOfPeak)]),
    `${timesForward.toFixed(2)}× forward`,
  ].join(", ");

/** @param {Measurement} measurement */
function cells({ engine, failure, milliseconds, gflops, gigabytesPerSecond, bound, shareOfPeak, ...further }) {
  if (milliseconds === undefined || gflops === undefined || gigabytesPerSecond === undefined) {
    return [engine, failure === undefined ? "wrong" : "failed", "", "", "", "", "", ""];
  }
  const { backward, timesReference } = further;
  const { best, median, lowerQuartile, upperQuartile } = milliseconds;
  return [
    engine,
    threeDigits(best),
    threeDigits(median),
    `${threeDigits(lowerQuartile)} to ${threeDigits(upperQuartile)}`,
    bound === "memory" ? `${gigabytesPerSecond.toFixed(1)} GB/s` : `${gflops.toFixed(1)} GFLOP/s`,
    shareOfPeak === undefined ? "" : percent(shareOfPeak),
    timesReference === undefined ? "" : `${timesReference.toFixed(2)}×`,
    backward === undefined ? "" : describeBackward(backward),
  ];
}

/** @param {readonly Measurement[]} measurements of one group */
function drawMeasurements(measurements) {
  const head = [
    "case",
    "engine",
    "best ms",
    "median ms",
    "middle half",
    "rate",
    "of peak",
    "onnxruntime-web = 1",
    "backward",
  ];
  // Some columns are not for every group.
  const all = measurements.map(cells);
  const used = all[0].map((_, column) => all.some((row) => row[column] !== ""));
  const table = makeTable(
    head.filter((_, column) => column === 0 || used[column - 1]),
    2,
  );
  for (const name of new Set(measurements.map((measurement) => measurement.case))) {
    const rows = all.filter((_, index) => measurements[index].case === name);
    const columns = rows[0].map((_, column) => rows.map((row) => row[column]).join("\n"));
    table.push([name, ...columns.filter((_, column) => used[column])]);
  }
  return table.toString();
}

/** @param {readonly Measurement[]} measurements */
export const describeMeasurements = (measurements) =>
  [...new Set(measurements.map(({ group }) => group))].flatMap((group) => [
    "",
    group,
    drawMeasurements(measurements.filter((measurement) => measurement.group === group)),
  ]);

/** @param {readonly Measurement[]} measurements */
export const describeMistakes = (measurements) =>
  measurements
    .filter(({ samples }) => samples === 0)
    .map(({ case: name, engine, failure, largestError, tolerance }) =>
      failure === undefined
        ? `wrong: ${name}, ${engine}: off by ${largestError ?? NaN}, allowed ${tolerance}`
        : `failed: ${name}, ${failure}`,
    );

/** @param {readonly Peak[]} peaks */
export function describePeaks(peaks) {
  const table = makeTable(["peak", "best", "median"], 1);
  for (const { name, bytes, unit, best, median } of peaks) {
    const what = bytes === undefined ? name : `${name}, ${megabytes(bytes)}`;
    table.push([what, `${best.toFixed(1)} ${unit}`, `${median.toFixed(1)} ${unit}`]);
  }
  const isBusy = peaks.some(({ arithmetic, best, median }) => arithmetic !== undefined && median < CLEAN_SHARE * best);
  return [
    "",
    table.toString(),
    ...(isBusy
      ? ["The machine was busy with something else for much of the run: best times may be too long. Run again."]
      : []),
  ];
}

/** @param {NonNullable<Record["costs"]>} costs */
function describeCosts(costs) {
  const table = makeTable(["engine", "bytes", "gzip", "import + init ms", "first call ms"], 1);
  for (const { engine, bytes, gzipBytes, initMilliseconds, firstCallMilliseconds } of costs) {
    const times = [initMilliseconds, firstCallMilliseconds].map(
      ({ best, median }) => `${threeDigits(best)} (${threeDigits(median)})`,
    );
    table.push([engine, bytes.toLocaleString("en"), gzipBytes.toLocaleString("en"), ...times]);
  }
  return ["", "costs: best (median) of fresh processes; the first call is attention 128 causal", table.toString()];
}

/** @param {NonNullable<Record["scaling"]>} scaling */
function describeScaling(scaling) {
  const table = makeTable(["engine", "L = S", "time ~ (L · S)^", "largest deviation"], 1);
  for (const { engine, lengths, exponent, largestDeviation } of scaling) {
    table.push([engine, `${lengths[0]} to ${lengths.at(-1)}`, exponent.toFixed(3), percent(largestDeviation)]);
  }
  return ["", "scaling", table.toString()];
}

/** @param {NonNullable<Record["memory"]>} memory */
const describeMemory = (memory) => [
  "",
  ...memory.map(
    ({ engine, case: name, extraBytes }) =>
      `memory of ${name}, ${engine}: ${(extraBytes / 2 ** 20).toFixed(2)} MiB beside inputs and output`,
  ),
];

/** @param {NonNullable<Record["trainingMemory"]>} trainingMemory */
function describeTrainingMemory(trainingMemory) {
  const lengths = trainingMemory[0].lengths;
  const head = ["layers", ...lengths.map((length) => `L=${length}`), "bytes a position", "at 0", "largest deviation"];
  const table = makeTable(head, 1);
  for (const { layers, hasCheckpoint, bytes, ...line } of trainingMemory) {
    const { bytesPerPosition, bytesAtZero, largestDeviation } = line;
    table.push([
      `${layers}${hasCheckpoint ? ", checkpoint" : ""}`,
      ...bytes.map(megabytes),
      bytesPerPosition.toLocaleString("en"),
      megabytes(bytesAtZero),
      percent(largestDeviation),
    ]);
  }
  const { width, heads } = trainingMemory[0];
  return ["", `peak memory of a training step of attention layers, E=${width}, H=${heads}`, table.toString()];
}

/**
 * What there is of every run.
 * @param {import("./record.mjs").Results} results
 */
export const describeResults = ({ engines, skipped, peaks, measurements }) => [
  engines.map(({ name, version }) => `${name} ${version}`.trim()).join(", "),
  ...skipped.map(({ reason }) => `skipped: ${reason}`),
  ...describeMeasurements(measurements),
  ...describeMistakes(measurements),
  ...(peaks.length === 0 ? [] : describePeaks(peaks)),
];

/** @param {Record} record */
export const describeRecord = ({ environment, costs, scaling, memory, trainingMemory, ...results }) =>
  [
    `${environment.processor}, ${environment.processors} processors, ${environment.system}; ` +
      `${environment.browser ?? `Node ${environment.node}, V8 ${environment.v8}`}; ` +
      `${environment.date.slice(0, 10)}; one thread`,
    ...describeResults(results),
    ...(costs === undefined ? [] : describeCosts(costs)),
    ...(scaling === undefined ? [] : describeScaling(scaling)),
    ...(memory === undefined ? [] : describeMemory(memory)),
    ...(trainingMemory === undefined ? [] : describeTrainingMemory(trainingMemory)),
  ].join("\n");
