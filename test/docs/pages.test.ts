/**
 * The JavaScript blocks of the README and of docs/ run as they stand, against the built package, and so do TypeScript blocks that
 * print something; links lead somewhere.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { describe, expect, it } from "vitest";
import * as api from "../../ts/entry/default.js";
import * as nn from "../../ts/entry/nn.js";
import * as train from "../../ts/entry/train.js";
import { useRunner } from "../support/documented-code.js";

const root = fileURLToPath(new URL("../../", import.meta.url));
const documents = ["README.md", ...readdirSync(join(root, "docs")).map((name) => join("docs", name))];

function blocksOf(document: string): string[] {
  const text = readFileSync(join(root, document), "utf8");
  const options = { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext };
  return [...text.matchAll(/^```(js|ts)\n(.*?)^```$/gms)]
    .filter(([, language, block]) => language === "js" || block.includes("console.log("))
    .map(([, language, block]) => (language === "js" ? block : ts.transpile(block, options)));
}

describe("code in the documentation", () => {
  const run = useRunner();
  const blocks = documents.flatMap((document) =>
    blocksOf(document).map((block, index) => ({ name: `${document}, block ${index + 1}`, block })),
  );
  it("is there", () => expect(blocks.length).toBeGreaterThan(5));
  it.each(blocks)("$name", ({ name, block }) => {
    expect(run(name, block)).not.toBe("");
  });
});

describe("links in the documentation", () => {
  const pages = [
    ...documents,
    ...readdirSync(root).filter((name) => name.endsWith(".md") && name !== "README.md"),
    "test/conformance/README.md",
  ];
  /** A page's anchors, as code forges derive them from headings. */
  const anchorsOf = (text: string): string[] =>
    [...text.matchAll(/^#+ (.*)$/gm)].map(([, heading]) =>
      heading
        .toLowerCase()
        .replace(/[^\w\- ]/g, "")
        .replaceAll(" ", "-"),
    );

  it.each(pages)("%s", (page) => {
    const text = readFileSync(join(root, page), "utf8").replace(/^```.*?^```$/gms, "");
    for (const [, target] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^https:/.test(target)) continue;
      const [path, anchor] = target.split("#");
      const file = path === "" ? join(root, page) : join(root, dirname(page), path);
      expect(existsSync(file), target).toBe(true);
      if (anchor !== undefined) expect(anchorsOf(readFileSync(file, "utf8")), target).toContain(anchor);
    }
  });
});

describe("the README", () => {
  it("lists every export", () => {
    const readme = readFileSync(join(root, "README.md"), "utf8");
    const section = /^## What there is\n(.*?)^\| document/ms.exec(readme)?.[1] ?? "";
    const listed = [...section.matchAll(/`(\w+)`/g)].map(([, name]) => name);
    expect(listed.sort()).toEqual(Object.keys({ ...api, ...nn, ...train }).sort());
  });
});
