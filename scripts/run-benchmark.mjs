// Runs a program of the benchmark, which has packages of its own, on a fresh build.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));

/** @param {string} program in bench/; gets the arguments of this process */
export async function runBenchmark(program) {
  if (!existsSync(`${root}/bench/node_modules`)) {
    console.error("The benchmark's packages are not installed. Install them once: npm ci --prefix bench");
    process.exit(1);
  }
  await import("./build-js.mjs");
  const benchmark = spawnSync(process.execPath, [`${root}/bench/${program}`, ...process.argv.slice(2)], {
    stdio: "inherit",
  });
  process.exitCode = benchmark.status ?? 1;
}
