// Runs the benchmark, which has packages of its own: `npm run bench -- <arguments>`.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));

if (!existsSync(`${root}/bench/node_modules`)) {
  console.error("The benchmark's packages are not installed. Install them once: npm ci --prefix bench");
  process.exit(1);
}

const npm = process.platform === "win32" ? "npm.cmd" : "npm";
const run = (/** @type {string[]} */ parameters) =>
  spawnSync(npm, parameters, { cwd: root, stdio: "inherit", shell: process.platform === "win32" }).status ?? 1;

const built = run(["run", "--silent", "build:js"]);
process.exitCode = built || run(["run", "--silent", "--prefix", "bench", "bench", "--", ...process.argv.slice(2)]);
