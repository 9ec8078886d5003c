/** Every operation of the package has a record, and what a record names is there. */
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import * as entry from "../../ts/entry/default.js";
import * as nn from "../../ts/entry/nn.js";
import { formulaOf } from "../cases/error-bound.js";
import storedBounds from "../cases/error-bounds.json";
import { operations } from "../cases/operations.js";
import { errorBounds, operationsTable, replaceRow, replaceTable } from "../cases/records.js";

const root = fileURLToPath(new URL("../../", import.meta.url));
const read = (path: string): string => readFileSync(root + path, "utf8");

/** What computes nothing: its tests stand in the folder that is named. */
const others: Readonly<Record<string, string>> = {
  addLora: "nn",
  AttentionError: "runtime",
  attentionWeights: "nn",
  buffer: "nn",
  init: "runtime",
  initializeGpt: "nn",
  initSync: "runtime",
  keep: "tensor",
  loadLora: "nn",
  loraFiles: "nn",
  manualSeed: "ops",
  memoryUsage: "runtime",
  mergeLora: "nn",
  Module: "nn",
  parameter: "nn",
  removeLora: "nn",
  scope: "tensor",
  skipInit: "nn",
  Tensor: "tensor",
  unmergeLora: "nn",
};

it("every export is an operation with a record, or a known other", () => {
  const recorded = operations.map(({ name }) => name);
  expect(new Set(recorded).size).toBe(recorded.length);
  expect([...recorded, ...Object.keys(others)].sort()).toEqual(Object.keys({ ...entry, ...nn }).sort());
});

describe.each(operations)("the record of $name", ({ name, family, property, gradient, refusals, memory, bits }) => {
  it("names suites that are there", () => {
    for (const part of [property, gradient, refusals]) {
      if ("suite" in part) expect(existsSync(`${root}test/${part.suite}.test.ts`), part.suite).toBe(true);
    }
  });

  it("says where its operation stands", () => {
    const path = /^(nn|io)\//.test(family) ? family : `ops/${family}`;
    expect(read(`ts/${path}.ts`)).toMatch(new RegExp(`export (function|const|class) ${name}\\b`));
  });

  it("is of an operation that the changelog names", () => {
    expect(read("CHANGELOG.md")).toContain(`\`${name}`);
  });

  it("has calls for every test that follows from it", () => {
    expect("suite" in refusals || refusals.length > 0).toBe(true);
    expect(Object.keys(memory).join()).toContain(name);
    expect("none" in bits || bits.cases.length > 0).toBe(true);
  });
});

describe("error bounds", () => {
  /** Without the marks and line breaks of comments. */
  const plain = (text: string): string => text.replaceAll(/\s*\n\s*(\/\/[/!]|\*)\s*/g, " ");
  const stated = operations.flatMap(({ family, error }) =>
    typeof error === "string" ? [] : Object.entries(error).map(([name, bound]) => ({ family, name, bound })),
  );

  it("are stored for the crate's tests (else: npm run update:records)", () => {
    expect(storedBounds).toEqual(errorBounds);
  });

  it.each(stated.filter(({ family }) => !family.startsWith("nn/")))(
    "that of $name holds natively too",
    ({ family, name }) => {
      const tests = read(`crate/tests/${family.replaceAll("-", "_")}.rs`);
      expect(tests).toContain(`powers(${JSON.stringify(name)}, `);
    },
  );

  it.each(stated)("that of $name stands in the documentation of $family", ({ family, bound }) => {
    const rust = `crate/src/${family.replaceAll("-", "_")}`;
    const files = family.startsWith("nn/")
      ? [`ts/${family}.ts`]
      : [existsSync(`${root}${rust}.rs`) ? `${rust}.rs` : `${rust}/mod.rs`, `ts/ops/${family}.ts`];
    for (const file of files) expect(plain(read(file)), file).toContain(formulaOf(bound));
  });
});

it("the README lists the operations (else: npm run update:records)", () => {
  const readme = read("README.md");
  expect(replaceRow(readme)).toBe(readme);
});

it("docs/operations.md has the table of the records (else: npm run update:records)", () => {
  /** Prettier pads the columns. */
  const rows = (page: string): string[] =>
    page
      .split("\n")
      .filter((line) => line.startsWith("|"))
      .map((line) => line.replaceAll(/ +/g, " ").replaceAll(/-+/g, "-"));
  const page = read("docs/operations.md");
  expect(rows(page)).toEqual(rows(replaceTable(page, operationsTable())));
});
