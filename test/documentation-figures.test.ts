/** The README's figures are those of the recorded run: `npm run bench:readme` writes them. */
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { replaceFigures } from "../bench/readme-figures.mjs";
import type { Record as RecordedRun } from "../bench/record.mjs";

const read = (path: string): string => readFileSync(new URL(path, import.meta.url), "utf8");

it("the README has the figures of bench/record/", () => {
  const record = JSON.parse(read("../bench/record/run.json")) as RecordedRun;
  expect(record.measurements.length).toBeGreaterThan(0);
  const readme = read("../README.md");
  expect(replaceFigures(readme, record)).toBe(readme);
});

it("the record has no wrong and no failed result", () => {
  const record = JSON.parse(read("../bench/record/run.json")) as RecordedRun;
  expect(record.measurements.filter(({ samples }) => samples === 0)).toEqual([]);
});
