// A clean folder in which the packed package is installed, as users install it.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { install, pack } from "../../scripts/tarball.mjs";

/** The folder is removed when the process ends, however it does. */
export function makeProject() {
  const folder = mkdtempSync(join(tmpdir(), "wasm-attention-matrix-"));
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
  writeFileSync(join(folder, "package.json"), '{ "private": true }\n');
  install(folder, pack(folder).path);
  return folder;
}
