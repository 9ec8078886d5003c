// Builds dist/ without declarations, and only where a source is newer than the last build: what `npm start` needs.
import { readdirSync, statSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { join } from "node:path";
import { build } from "tsup";

process.chdir(fileURLToPath(new URL("..", import.meta.url)));

/** The newest change below a path in milliseconds; a folder counts too, so that deleted files are seen. */
function newestChange(/** @type {string} */ path) {
  const status = statSync(path);
  let newest = status.mtimeMs;
  if (status.isDirectory()) {
    for (const name of readdirSync(path)) newest = Math.max(newest, newestChange(join(path, name)));
  }
  return newest;
}

const built = statSync("dist/index.js", { throwIfNoEntry: false })?.mtimeMs ?? 0;
const changed = Math.max(...["ts", "tsup.config.ts", "tsconfig.json", "package-lock.json"].map(newestChange));
if (changed > built) await build({ dts: false, clean: false, silent: true });
