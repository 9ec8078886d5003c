// A clean folder in which the packed package is installed, as users install it.
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** @param {string} folder @param {string[]} parameters */
const npm = (folder, ...parameters) =>
  execFileSync("npm", parameters, { cwd: folder, encoding: "utf8", shell: process.platform === "win32" });

/** Packs dist/ as it is and installs the tarball. Gives the folder, and what removes it. */
export function makeProject() {
  const folder = mkdtempSync(join(tmpdir(), "wasm-attention-matrix-"));
  const [tarball] = JSON.parse(npm(root, "pack", "--json", "--ignore-scripts", "--pack-destination", folder));
  writeFileSync(join(folder, "package.json"), '{ "private": true }\n');
  npm(folder, "install", "--offline", "--ignore-scripts", "--no-audit", "--no-fund", `./${tarball.filename}`);
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) };
}
