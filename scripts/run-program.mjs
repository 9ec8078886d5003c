// Runs a program that has packages of its own, on a fresh build: `node scripts/run-program.mjs bench/main.mjs <arguments>`.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const [program, ...parameters] = process.argv.slice(2);

/** The folder above the program that has a package.json. */
let folder = dirname(program);
while (!existsSync(join(root, folder, "package.json"))) folder = dirname(folder);

if (existsSync(join(root, folder, "node_modules"))) {
  await import("./build-js.mjs");
  const { status } = spawnSync(process.execPath, [join(root, program), ...parameters], { stdio: "inherit" });
  process.exitCode = status ?? 1;
} else {
  console.error(`The packages of ${folder} are not installed. Install them once: npm ci --prefix ${folder}`);
  process.exitCode = 1;
}
