/**
 * The JavaScript and TypeScript blocks of the README, of docs/ and of the examples' READMEs pass the compiler in strict
 * mode, pasted into a TypeScript module.
 *
 * A block that leaves out what its text has named says so in an HTML comment right before it, `<!-- declarations: … -->`,
 * whose code is compiled in front of it.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, it } from "vitest";
import { diagnose } from "../support/documented-code.js";

const root = fileURLToPath(new URL("../../", import.meta.url));
const pagesIn = (folder: string): string[] =>
  readdirSync(join(root, folder))
    .filter((name) => name.endsWith(".md"))
    .map((name) => join(folder, name));
const examples = readdirSync(join(root, "examples"), { withFileTypes: true }).filter((entry) => entry.isDirectory());
const documents = [".", "docs", "bench", ...examples.map(({ name }) => `examples/${name}`)].flatMap(pagesIn);

/**
 * Every fence of JavaScript or TypeScript, whatever follows the language's name, indented or not. Components (jsx, vue,
 * svelte) are built and run by test/frameworks.
 */
const FENCE = /^ *(`{3,}|~{3,})(?:js|mjs|cjs|ts|mts|cts|javascript|typescript)\b.*\n([^]*?)^ *\1/gm;
const DECLARATIONS = /<!-- declarations:\n((?:(?!-->)[^])*)-->\s*$/;

const blocks = new Map(
  documents.flatMap((document) => {
    const text = readFileSync(join(root, document), "utf8");
    return [...text.matchAll(FENCE)].map((fence): [string, string] => {
      const line = text.slice(0, fence.index).split("\n").length;
      const declarations = DECLARATIONS.exec(text.slice(0, fence.index))?.[1] ?? "";
      return [join(root, `${document}.line-${line}.mts`), `${declarations}${fence[2]}`];
    });
  }),
);

describe("types of the code in the documentation", () => {
  const misuse = join(root, "misuse.mts");
  let diagnostics: Map<string, string[]>;
  beforeAll(() => {
    diagnostics = diagnose(new Map([...blocks, [misuse, 'import { init } from "wasm-attention";\ninit(1);']]));
  }, 60_000);

  it("are checked", () => {
    expect(blocks.size).toBeGreaterThan(10);
    expect(diagnostics.get(misuse)).toEqual([expect.stringMatching(/^2: .*InitOptions/)]);
  });
  it.each([...blocks.keys()].map((path) => ({ name: relative(root, path), path })))("$name", ({ path }) => {
    expect(diagnostics.get(path)).toEqual([]);
  });
});
