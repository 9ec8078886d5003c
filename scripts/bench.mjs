// Runs the benchmark, which has packages of its own: `npm run bench -- <arguments>`.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));

const missing = [
  { folder: "node_modules", command: "npm ci" },
  { folder: "bench/node_modules", command: "npm --prefix bench ci" },
].filter(({ folder }) => !existsSync(`${root}/${folder}`));

/** Runs a program with this very Node: a benchmark must not run another one than it was started with. */
const run = (/** @type {string[]} */ ...parameters) =>
  spawnSync(process.execPath, parameters, { stdio: "inherit" }).status ?? 1;

if (missing.length > 0) {
  console.error(`Packages are missing. Install them first: ${missing.map(({ command }) => command).join(" && ")}`);
  process.exitCode = 1;
} else {
  process.exitCode = run(`${root}/scripts/build-js.mjs`) || run(`${root}/bench/main.mjs`, ...process.argv.slice(2));
}
