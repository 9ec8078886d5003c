/**
 * The README's figures are those of the recorded runs: `npm run bench:readme` and `npm run matrix -- --record` write them.
 */
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { replaceFigures } from "../../bench/readme-figures.mjs";
import type { Record as RecordedRun } from "../../bench/record.mjs";
import { replaceTable, type Record as RecordedMatrix } from "../matrix/readme-table.mjs";

const read = (path: string): string => readFileSync(new URL(path, import.meta.url), "utf8");

it("the README has the figures of bench/record/", () => {
  const record = JSON.parse(read("../../bench/record/run.json")) as RecordedRun;
  expect(record.measurements.length).toBeGreaterThan(0);
  const readme = read("../../README.md");
  expect(replaceFigures(readme, record)).toBe(readme);
});

it("the record has no wrong and no failed result", () => {
  const record = JSON.parse(read("../../bench/record/run.json")) as RecordedRun;
  expect(record.measurements.filter(({ samples }) => samples === 0)).toEqual([]);
});

it("the README has the runtimes of test/matrix/record.json", () => {
  const record = JSON.parse(read("../matrix/record.json")) as RecordedMatrix;
  expect(record.rows.length).toBeGreaterThan(20);
  const readme = read("../../README.md");
  expect(replaceTable(readme, record)).toBe(readme);
});
