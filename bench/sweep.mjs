// Looks for cliffs: sizes that reach a smaller share of the peak than their neighbours.
import { describeMistakes, describePeaks, makeTable } from "./table.mjs";
import { percent, threeDigits } from "./text.mjs";

/** @typedef {import("./cases.mjs").AttentionCase} AttentionCase */
/** @typedef {import("./record.mjs").Results} Results */
/** @typedef {import("./record.mjs").Measurement} Measurement */

/**
 * @typedef {object} Drop
 * @property {string} case
 * @property {string} engine
 * @property {number} milliseconds
 * @property {number} shareOfPeak of the run
 * @property {number} neighbours the share that is reached both by a somewhat smaller and by a somewhat larger size
 * @property {number} drop the difference, from 0 to 1
 */

/** How far a neighbour may be: between any two sizes that far apart lies one that fits every tile. */
const REACH = 8;
const LISTED = 30;
/** A short sample may have met a disturbance: what falls off by more is measured again, so many times. */
const SUSPICIOUS = 0.05;
const REPETITIONS = 3;

/**
 * Each size beside its neighbours, the largest drop first.
 * @param {readonly AttentionCase[]} cases
 * @param {(cases: readonly AttentionCase[]) => Promise<Results>} run
 * @returns {Promise<Results & { drops: Drop[] }>}
 */
export async function sweep(cases, run) {
  let results = await run(cases);
  let drops = findDrops(cases, results);
  for (let repetition = 0; repetition < REPETITIONS; repetition++) {
    const suspects = drops.filter(({ drop }) => drop > SUSPICIOUS).map(({ case: name }) => name);
    if (suspects.length === 0) break;
    results = merge(results, await run(cases.filter(({ name }) => suspects.includes(name))));
    drops = findDrops(cases, results);
  }
  return { ...results, drops };
}

/**
 * The better of two measurements and of two peaks.
 * @param {Results} earlier
 * @param {Results} later of some of the same cases
 * @returns {Results}
 */
const merge = (earlier, later) => ({
  ...earlier,
  peaks: earlier.peaks.map((peak) => {
    const again = later.peaks.find(({ name, bytes }) => name === peak.name && bytes === peak.bytes);
    return again !== undefined && again.best > peak.best ? again : peak;
  }),
  measurements: earlier.measurements.map((measurement) => {
    const again = later.measurements.find(
      (other) => other.case === measurement.case && other.engine === measurement.engine,
    );
    return (again?.gflops ?? 0) > (measurement.gflops ?? 0) && again !== undefined ? again : measurement;
  }),
});

/**
 * A share that rises steadily with the size is no cliff, so that the better of the smaller and the better of the larger
 * neighbours are taken, and of these the worse.
 * @param {readonly AttentionCase[]} cases
 * @param {Results} results
 * @returns {Drop[]}
 */
function findDrops(cases, { engines, peaks, measurements }) {
  const shareOf = (/** @type {Measurement} */ { engine, gflops = 0 }) => {
    const arithmetic = engines.find(({ name }) => name === engine)?.arithmetic;
    return gflops / (peaks.find((peak) => peak.arithmetic === arithmetic)?.best ?? Infinity);
  };
  const points = measurements.flatMap((measurement) => {
    const attentionCase = cases.find(({ name }) => name === measurement.case);
    if (attentionCase === undefined || measurement.milliseconds === undefined) return [];
    const { group, isCausal, headSize, queryLength, keyLength } = attentionCase;
    return {
      case: measurement.case,
      engine: measurement.engine,
      line: `${group} ${isCausal} ${measurement.engine}`,
      size: group === "D" ? headSize : group === "S" ? keyLength : queryLength,
      milliseconds: measurement.milliseconds.best,
      shareOfPeak: Number(shareOf(measurement).toFixed(4)),
    };
  });
  return points
    .flatMap(({ line, size, ...own }) => {
      const bestOf = (/** @type {(distance: number) => boolean} */ isNeighbour) =>
        points
          .filter((other) => other.line === line && isNeighbour(other.size - size))
          .reduce((best, { shareOfPeak }) => Math.max(best, shareOfPeak), -Infinity);
      const smaller = bestOf((distance) => distance < 0 && distance >= -REACH);
      const larger = bestOf((distance) => distance > 0 && distance <= REACH);
      const neighbours = Math.min(...[smaller, larger].filter(Number.isFinite));
      return Number.isFinite(neighbours)
        ? [{ ...own, neighbours, drop: Number((neighbours - own.shareOfPeak).toFixed(4)) }]
        : [];
    })
    .sort((a, b) => b.drop - a.drop);
}

/** @param {Awaited<ReturnType<typeof sweep>>} swept */
export function describeSweep({ skipped, measurements, peaks, drops }) {
  const table = makeTable(["case", "engine", "best ms", "of peak", "neighbours", "drop in points"], 2);
  const columns = drops.slice(0, LISTED).map(({ case: name, engine, milliseconds, shareOfPeak, neighbours, drop }) => {
    const shares = [percent(shareOfPeak), percent(neighbours), (100 * drop).toFixed(1)];
    return [name, engine, threeDigits(milliseconds), ...shares];
  });
  if (columns.length > 0) table.push(columns[0].map((_, column) => columns.map((row) => row[column]).join("\n")));
  return [
    ...skipped.map(({ reason }) => `skipped: ${reason}`),
    `The ${columns.length} largest drops of ${drops.length} sizes and engines:`,
    table.toString(),
    ...describeMistakes(measurements),
    ...describePeaks(peaks),
  ].join("\n");
}
