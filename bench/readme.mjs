// Writes the figures of the recorded runs into the README and into docs/performance.md: `npm run bench:readme`.
import { readFileSync, writeFileSync } from "node:fs";
import { replaceCosts } from "./performance-figures.mjs";
import { replaceFigures } from "./readme-figures.mjs";

const read = (/** @type {string} */ path) => readFileSync(new URL(path, import.meta.url), "utf8");
const [run, ...browsers] = ["run", "chromium", "firefox"].map(
  (name) => /** @type {import("./record.mjs").Record} */ (JSON.parse(read(`record/${name}.json`))),
);

const rewrite = (/** @type {string} */ path, /** @type {(page: string) => string} */ replace) =>
  writeFileSync(new URL(path, import.meta.url), replace(read(path)));
rewrite("../README.md", (page) => replaceFigures(page, run, browsers));
rewrite("../docs/performance.md", (page) => replaceCosts(page, run));
