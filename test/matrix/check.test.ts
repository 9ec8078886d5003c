/**
 * What the runtime matrix finds fault with, since a check that passes everything would prove nothing of any runtime; and what
 * its table says of an emulated processor.
 */
import { describe, expect, it } from "vitest";
import { type Expected, faultsOf, type Report } from "./check.mjs";
import { type Row, table } from "./readme-table.mjs";
import { obstacle, suiteFiles, testFiles } from "./suite-files.mjs";

const hashes = { separate: "0011", fused: "2233" };
const tests = { "ops/bits": 12, "conformance/onnx/operators": 4, "tensor/tensor": 4 };
const lossHashes = { separate: "4455", fused: "6677" };
const expected: Expected = { hashes, lossHashes, tests };
const fusing = { fuses: true };
const plain = { fuses: false };
const good: Report = {
  passed: 20,
  failed: 0,
  skipped: 0,
  failures: [],
  arithmetic: "fused",
  hashes,
  lossHashes,
  tests,
  startupMilliseconds: { import: 1, init: 1 },
};
const goodWithoutFusing: Report = {
  ...good,
  skipped: 10,
  arithmetic: "separate",
  hashes: { separate: "0011" },
  lossHashes: { separate: "4455" },
};

it("finds none where all is well", () => {
  expect(faultsOf(fusing, good, expected)).toEqual([]);
  expect(faultsOf(plain, goodWithoutFusing, expected)).toEqual([]);
});

it.each<[string, { fuses: boolean }, Partial<Report>, RegExp]>([
  [
    "a failed test",
    fusing,
    { failed: 1, failures: [{ test: "a > b", message: "why" }] },
    /1 tests failed.*a > b.*why/s,
  ],
  ["no test at all", fusing, { passed: 0 }, /no test ran/],
  ["skipped tests where the host fuses", fusing, { skipped: 1 }, /1 tests were skipped/],
  [
    "a file of which tests are missing",
    fusing,
    { tests: { ...tests, "tensor/tensor": 3 } },
    /^tensor\/tensor: 3 tests, expected 4$/,
  ],
  [
    "a file that is missing",
    fusing,
    { tests: { "ops/bits": 12, "tensor/tensor": 4 } },
    /^conformance\/onnx\/operators: 0 tests, expected 4$/,
  ],
  ["other bits", fusing, { hashes: { separate: "0011", fused: "2234" } }, /fused .* hash to 2234, expected 2233/],
  ["no bits", fusing, { hashes: {} }, /separate .* undefined, expected 0011.*fused .* undefined/s],
  [
    "other losses",
    fusing,
    { lossHashes: { separate: "4455", fused: "6676" } },
    /fused .* losses hash to 6676, expected 6677/,
  ],
  ["no losses", fusing, { lossHashes: {} }, /separate .* losses hash to undefined.*fused .* losses hash to undefined/s],
  ["a host that should fuse", fusing, { arithmetic: "separate" }, /init\(\) picks separate/],
  ["a host that should not fuse", plain, { arithmetic: "fused" }, /init\(\) picks fused/],
  ["nothing skipped where the host doesn't fuse", plain, { skipped: 0 }, /0 tests were skipped/],
  ["other bits without fusing", plain, { hashes: { separate: "0012" } }, /separate .* hash to 0012/],
])("finds %s", (_, host, change, message) => {
  const report = { ...(host.fuses ? good : goodWithoutFusing), ...change };
  expect(faultsOf(host, report, expected).join("\n")).toMatch(message);
});

describe("a host that runs a part of the suite", () => {
  const partial = { ...fusing, part: /^(ops\/bits|conformance\/.+)$/ };
  const ofPart: Report = { ...good, passed: 16, tests: { "ops/bits": 12, "conformance/onnx/operators": 4 } };

  it("is as strict about that part", () => {
    expect(faultsOf(partial, ofPart, expected)).toEqual([]);
    expect(faultsOf(partial, { ...ofPart, tests: { "ops/bits": 12 } }, expected)).toEqual([
      "conformance/onnx/operators: 0 tests, expected 4",
    ]);
    expect(faultsOf(partial, { ...ofPart, hashes: { separate: "0011" } }, expected)).toEqual([
      "fused arithmetic: the bits hash to undefined, expected 2233",
    ]);
  });

  it("must not report the part for the whole", () => {
    expect(faultsOf(fusing, ofPart, expected)).toEqual(["tensor/tensor: 0 tests, expected 4"]);
  });
});

it("the README's table says that a processor was emulated, and no time of it", () => {
  const row = {
    version: "1.0",
    arithmetic: "fused",
    passed: 20,
    hashes,
    lossHashes,
    startupMilliseconds: { import: 1000, init: 1000 },
  } as const;
  const rows: Row[] = [
    { ...row, host: "Node: ES module", emulator: "QEMU 7.2" },
    { ...row, host: "Deno", startupMilliseconds: { import: 10, init: 10 } },
  ];
  const lines = table({ date: "2026-01-01", system: "linux", nativeHashes: hashes, rows, refusals: [] }).split("\n");
  expect(lines.slice(2, 4)).toEqual([
    "| Node | 1.0 | ES module, emulated by QEMU 7.2 | fused | 20 | — |",
    "| Deno | 1.0 |  | fused | 20 | 20 ms |",
  ]);
});

describe("the suite", () => {
  it("leaves out what needs Node or the package's inside, and nothing else", () => {
    const leftOut = testFiles.filter(({ obstacle }) => obstacle !== undefined);
    expect(Object.fromEntries(leftOut.map(({ name, obstacle }) => [name, obstacle]))).toEqual({
      "entry/entries": "imports node:fs",
      "entry/tree-shaking": "imports node:url",
      "io/utf8": "imports ../../ts/io/utf8.js",
      "nn/collected-modules": "imports node:v8",
      "nn/default-transformer": "imports node:os",
      "nn/dropout": "imports ../../ts/ops/random.js",
      "nn/python-pattern": "imports ../../ts/nn/python-pattern.js",
      "ops/dropout": "imports ../../ts/ops/random.js",
      "ops/operands": "uses vitest's vi",
      "ops/packed-linear": "imports ../../ts/ops/packed-linear.js",
      "ops/random": "imports ../../ts/ops/random.js",
      "ops/records": "imports node:fs",
      "tensor/comparison": "imports node:assert",
      "tensor/from": "imports node:vm",
      "tensor/inspect": "imports node:util",
      "tensor/open-scopes": "imports ../../ts/tensor/open-scopes.js",
      "tensor/without-train": "imports ../../ts/tensor/tensor.js",
      "train/appended-rows": "imports ../../ts/ops/concatenation.js",
      "train/fit/killed": "imports node:child_process",
      "train/linear": "imports ../../ts/ops/packed-linear.js",
    });
    expect(suiteFiles).toHaveLength(testFiles.length - leftOut.length);
  });

  it("knows what can't run everywhere", () => {
    expect(
      obstacle('import { expect } from "vitest";\nimport { init } from "../../ts/entry/default.js";'),
    ).toBeUndefined();
    expect(obstacle('import { expect, vi } from "vitest";')).toBe("uses vitest's vi");
    expect(obstacle('import {\n  readFileSync,\n} from "node:fs";')).toBe("imports node:fs");
    expect(obstacle('import { runCall } from "../../ts/ops/call.js";')).toBe("imports ../../ts/ops/call.js");
    expect(obstacle('import "../../ts/entry/train.js";')).toBeUndefined();
    expect(obstacle('import "../support/x.js";\nimport "node:module";')).toBe("imports node:module");
    expect(obstacle("const here = process.cwd();")).toBe("mentions process.");
  });
});
