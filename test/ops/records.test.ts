/** Every operation of the package has a record, and what a record names is there. */
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import * as entry from "../../ts/entry/default.js";
import { boundNames, formulaOf } from "../cases/error-bounds.js";
import { operations } from "../cases/operations.js";

const root = fileURLToPath(new URL("../../", import.meta.url));
const read = (path: string): string => readFileSync(root + path, "utf8");

/** What computes nothing: its tests stand in the folder that is named. */
const others: Readonly<Record<string, string>> = {
  AttentionError: "runtime",
  init: "runtime",
  initSync: "runtime",
  keep: "tensor",
  manualSeed: "ops",
  memoryUsage: "runtime",
  scope: "tensor",
  Tensor: "tensor",
};

it("every export is an operation with a record, or a known other", () => {
  const recorded = operations.map(({ name }) => name);
  expect(new Set(recorded).size).toBe(recorded.length);
  expect([...recorded, ...Object.keys(others)].sort()).toEqual(Object.keys(entry).sort());
});

describe.each(operations)("the record of $name", ({ name, property, refusals, memory, bits }) => {
  it("names suites that are there", () => {
    for (const part of [property, refusals]) {
      if ("suite" in part) expect(existsSync(`${root}test/${part.suite}.test.ts`), part.suite).toBe(true);
    }
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
  const sources = new Map<string, readonly [rust: string, typescript: string]>([
    ["softmax", ["crate/src/softmax.rs", "ts/ops/softmax.ts"]],
    ["linear", ["crate/src/linear/mod.rs", "ts/ops/linear.ts"]],
    ["layerNorm", ["crate/src/normalization.rs", "ts/ops/normalization.ts"]],
    ["rmsNorm", ["crate/src/normalization.rs", "ts/ops/normalization.ts"]],
    ["sinusoidalPositions", ["crate/src/sinusoidal_positions.rs", "ts/ops/sinusoidal-positions.ts"]],
  ]);

  it.each(boundNames)("%s has the same one in the kernel's and the operation's documentation", (name) => {
    const files = sources.get(name) ?? ["crate/src/activation.rs", "ts/ops/activation.ts"];
    for (const file of files) expect(plain(read(file)), file).toContain(formulaOf(name));
  });
});
