/**
 * The figures of the README and of docs/performance.md are those of the recorded runs: `npm run bench:readme` and
 * `npm run matrix -- --record` write them.
 */
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { cases } from "../../bench/cases.mjs";
import { replaceCosts } from "../../bench/performance-figures.mjs";
import { replaceFigures } from "../../bench/readme-figures.mjs";
import type { Record as RecordedRun } from "../../bench/record.mjs";
import { replaceTable, type Record as RecordedMatrix } from "../matrix/readme-table.mjs";

const read = (path: string): string => readFileSync(new URL(path, import.meta.url), "utf8");
const [run, ...browsers] = ["run", "chromium", "firefox"].map(
  (name) => JSON.parse(read(`../../bench/record/${name}.json`)) as RecordedRun,
);

it("the README has the figures of bench/record/", () => {
  expect(run.measurements.length).toBeGreaterThan(0);
  const readme = read("../../README.md");
  expect(replaceFigures(readme, run, browsers)).toBe(readme);
});

it("docs/performance.md has the figures of bench/record/run.json", () => {
  const page = read("../../docs/performance.md");
  expect(replaceCosts(page, run)).toBe(page);
});

// Cases came after the recorded run: it has to fail until the run is recorded anew, and then becomes a plain `it`.
it("the record has every case", () => {
  const recorded = new Set(run.measurements.map((measurement) => measurement.case));
  expect(cases.map(({ name }) => name).filter((name) => !recorded.has(name))).toEqual([]);
});

it("the record has no wrong and no failed result", () => {
  for (const { measurements } of [run, ...browsers]) {
    expect(measurements.filter(({ samples }) => samples === 0)).toEqual([]);
  }
});

it("the README has the runtimes of test/matrix/record.json", () => {
  const record = JSON.parse(read("../matrix/record.json")) as RecordedMatrix;
  expect(record.rows.length).toBeGreaterThan(20);
  const readme = read("../../README.md");
  expect(replaceTable(readme, record)).toBe(readme);
});
