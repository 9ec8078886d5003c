/** The JavaScript blocks of the README and of docs/ run as they stand, against the built package. */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));
const documents = ["README.md", ...readdirSync(join(root, "docs")).map((name) => join("docs", name))];

function blocksOf(document: string): string[] {
  const text = readFileSync(join(root, document), "utf8");
  return [...text.matchAll(/^```js\n(.*?)^```$/gms)].map(([, block]) => block);
}

describe("code in the documentation", () => {
  // Inside the package, so that "wasm-attention" means this one.
  let folder: string;
  beforeAll(() => {
    mkdirSync(join(root, "target"), { recursive: true });
    folder = mkdtempSync(join(root, "target/documentation-"));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const blocks = documents.flatMap((document) =>
    blocksOf(document).map((block, index) => ({ name: `${document}, block ${index + 1}`, block })),
  );
  it("is there", () => expect(blocks.length).toBeGreaterThan(5));
  it.each(blocks)("$name", ({ name, block }) => {
    const file = join(folder, `${name.replace(/\W+/g, "-")}.mjs`);
    writeFileSync(file, block);
    const printed = execFileSync(process.execPath, [file], { cwd: folder, encoding: "utf8", stdio: "pipe" });
    expect(printed).not.toBe("");
  });
});
