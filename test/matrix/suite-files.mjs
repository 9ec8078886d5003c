// The test files that run in every runtime: those that need nothing but the package and the language. They are found by what
// they import, so none has to be listed, and none can be forgotten.
import { readdirSync, readFileSync } from "node:fs";
import { join, sep } from "node:path";
import { fileURLToPath } from "node:url";

const tests = fileURLToPath(new URL("../", import.meta.url));

/** Folders of tests of the package's behaviour. The others test oracles, pages, builds, and what Node alone can bring about. */
const folders = ["conformance", "entry", "io", "nn", "ops", "tensor", "train"];

/** What a file may import: its fellows, the entries, property tests, and of vitest what suite/vitest.ts has. */
const isPortable = (/** @type {string} */ source) =>
  /^(vitest|fast-check)$/.test(source) ||
  (/^\.\.?\//.test(source) && (!source.includes("/ts/") || /\/ts\/entry\/(default|nn|io|train)\.js$/.test(source)));
const offered = new Set(["afterAll", "afterEach", "beforeAll", "beforeEach", "describe", "expect", "it", "test"]);

/** Why a file can't run everywhere; undefined where it can. */
export function obstacle(/** @type {string} */ text) {
  const imports = text.matchAll(/^(?:import|export)\s(?!type\b)(?:([^;]*?)\s*from\s+)?"([^"]+)";/gms);
  for (const [, names = "", source] of imports) {
    if (!isPortable(source)) return `imports ${source}`;
    if (source !== "vitest") continue;
    const missing = names.match(/\w+/g)?.find((name) => !offered.has(name));
    if (missing !== undefined) return `uses vitest's ${missing}`;
  }
  const mentioned = /\bprocess\.(?!env\b)|\brequire\(|\bimport\("/.exec(text)?.[0];
  return mentioned === undefined ? undefined : `mentions ${mentioned}`;
}

/** Every test file of those folders by its name in reports, with what keeps it from running everywhere. */
export const testFiles = folders.flatMap((folder) =>
  readdirSync(join(tests, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".test.ts") && !name.includes("node_modules"))
    .map((name) => {
      const path = join(folder, name);
      return {
        name: path.replaceAll(sep, "/").replace(".test.ts", ""),
        obstacle: obstacle(readFileSync(tests + path, "utf8")),
      };
    }),
);

/** The names of those that run everywhere. */
export const suiteFiles = testFiles.filter(({ obstacle }) => obstacle === undefined).map(({ name }) => name);
