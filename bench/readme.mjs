// Writes the figures of the recorded run into the README: `npm run bench:readme`.
import { readFileSync, writeFileSync } from "node:fs";
import { replaceFigures } from "./readme-figures.mjs";

const readme = new URL("../README.md", import.meta.url);
const record = /** @type {import("./record.mjs").Record} */ (
  JSON.parse(readFileSync(new URL("record/run.json", import.meta.url), "utf8"))
);
writeFileSync(readme, replaceFigures(readFileSync(readme, "utf8"), record));
