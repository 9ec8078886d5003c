/** Files that pages and comments name are there. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

const root = fileURLToPath(new URL("../../", import.meta.url));
const FOLDERS = ["bench", "crate", "docs", "examples", "scripts", "test", "ts"];

function filesBelow(folder: string): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (!entry.isDirectory()) return [path];
    return entry.name === "node_modules" ? [] : filesBelow(path);
  });
}

const pages = [...readdirSync(root), ...FOLDERS.flatMap(filesBelow)].filter((path) => path.endsWith(".md"));
const sources = FOLDERS.flatMap(filesBelow).filter((path) => /\.(ts|mjs|js|rs|py|sh)$/.test(path));

/** A path, up to a part that goes on with a wildcard or a list. */
const PATH = new RegExp(
  `(?<![\\w./@-])(?:${FOLDERS.join("|")})/(?:[\\w.-]+/)*(?:[\\w-]+(?:\\.[\\w-]+)*(?![\\w*{-]))?`,
  "g",
);
const COMMENT = /^\s*(?:\/\/|\/?\*|#).*|\s\/\/ .*/gm;

/** The name of a source, with as many of its folders as a text gives. */
const NAME = /`([\w-]+(?:[./][\w-]+)*\.(?:rs|ts|mjs|py|sh))`/g;

const isThere = (path: string): boolean => ["", "crate"].some((base) => existsSync(join(root, base, path)));

/** Paths from the root or, as within the crate, from its folder; and names of files anywhere. */
const missing = (text: string): string[] => [
  ...(text.match(PATH) ?? []).filter((path) => !isThere(path)),
  ...[...text.matchAll(NAME)]
    .map(([, name]) => name)
    .filter((name) => !sources.some((source) => `/${source}`.endsWith(`/${name}`))),
];

it.each(pages)("%s", (page) => {
  expect(missing(readFileSync(join(root, page), "utf8"))).toEqual([]);
});

it("comments in sources", () => {
  const found = sources.flatMap((source) => {
    const comments = readFileSync(join(root, source), "utf8").match(COMMENT) ?? [];
    return missing(comments.join("\n")).map((path) => `${source}: ${path}`);
  });
  expect(sources.length).toBeGreaterThan(100);
  expect(found).toEqual([]);
});
