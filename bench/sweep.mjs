// Looks for cliffs: sizes that reach a smaller share of the peak than their neighbours.
import { describeMistakes, describePeaks, makeTable, number, percent } from "./table.mjs";

/** @typedef {import("./cases.mjs").AttentionCase} AttentionCase */
/** @typedef {import("./record.mjs").Measurement} Measurement */

/**
 * @typedef {object} Drop
 * @property {string} case
 * @property {string} engine
 * @property {number} milliseconds
 * @property {number} shareOfPeak
 * @property {number} neighbours the share that is reached both by a somewhat smaller and by a somewhat larger size
 * @property {number} drop the difference, from 0 to 1
 */

/** How far a neighbour may be: between any two sizes that far apart lies one that fits every tile. */
const REACH = 8;
const LISTED = 30;

/**
 * Each size beside its neighbours, the largest drop first. A share that rises steadily with the size is no cliff, so that
 * the better of the smaller and the better of the larger neighbours are taken, and of these the worse.
 * @param {readonly AttentionCase[]} cases
 * @param {readonly Measurement[]} measurements
 * @returns {Drop[]}
 */
export function findDrops(cases, measurements) {
  const sizes = cases.map(({ name, group, isCausal, headSize, queryLength, keyLength }) => ({
    name,
    line: `${group} ${isCausal}`,
    size: group === "D" ? headSize : group === "S" ? keyLength : queryLength,
  }));
  const find = (/** @type {string} */ name, /** @type {string} */ engine) =>
    measurements.find((measurement) => measurement.case === name && measurement.engine === engine);

  return measurements
    .flatMap(({ case: name, engine, milliseconds, shareOfPeak }) => {
      if (milliseconds === undefined || shareOfPeak === undefined) return [];
      const own = sizes.find((other) => other.name === name);
      if (own === undefined) return [];
      const bestOf = (/** @type {(distance: number) => boolean} */ isNeighbour) => {
        const shares = sizes
          .filter(({ line, size }) => line === own.line && isNeighbour(size - own.size))
          .flatMap((other) => find(other.name, engine)?.shareOfPeak ?? []);
        return shares.length === 0 ? Infinity : Math.max(...shares);
      };
      const smaller = bestOf((distance) => distance < 0 && distance >= -REACH);
      const larger = bestOf((distance) => distance > 0 && distance <= REACH);
      const neighbours = Math.min(smaller, larger);
      if (!Number.isFinite(neighbours)) return [];
      const drop = Number((neighbours - shareOfPeak).toFixed(4));
      return [{ case: name, engine, milliseconds: milliseconds.best, shareOfPeak, neighbours, drop }];
    })
    .sort((a, b) => b.drop - a.drop);
}

/**
 * @param {import("./record.mjs").Results} results
 * @param {readonly Drop[]} drops
 */
export function describeSweep({ skipped, measurements, peaks }, drops) {
  const table = makeTable(["case", "engine", "best ms", "of peak", "neighbours", "drop in points"], 2);
  for (const { case: name, engine, milliseconds, shareOfPeak, neighbours, drop } of drops.slice(0, LISTED)) {
    const points = (100 * drop).toFixed(1);
    table.push([name, engine, number(milliseconds), percent(shareOfPeak), percent(neighbours), points]);
  }
  return [
    ...skipped.map(({ reason }) => `skipped: ${reason}`),
    `The ${LISTED} largest drops of ${drops.length} sizes and engines:`,
    table.toString(),
    ...describeMistakes(measurements),
    ...describePeaks(peaks),
  ].join("\n");
}
