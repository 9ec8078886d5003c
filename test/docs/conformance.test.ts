/** docs/conformance.md names the cases that there are, and calls none of them failed. */
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { loadCases } from "../conformance/records.js";
import { STORED_FILES } from "../conformance/stored-file.js";

const page = readFileSync(new URL("../../docs/conformance.md", import.meta.url), "utf8");

/** The rows of the first table below a heading, as cells. */
function rowsBelow(heading: string): string[][] {
  const start = page.indexOf(`\n### ${heading}\n`);
  expect(start, heading).toBeGreaterThan(0);
  const lines = page.slice(start).split("\n");
  const first = lines.findIndex((line) => line.startsWith("| ---")) + 1;
  const rows = lines.slice(first);
  return rows.slice(0, rows.indexOf("")).map((line) => line.slice(2, -2).split(" | "));
}

it.each([
  ["Attention", "attention"],
  ["RotaryEmbedding", "rotary_embedding"],
  ["LayerNormalization", "layer_normalization"],
  ["RMSNormalization", "rms_normalization"],
  ["Gelu", "gelu"],
])("every case of ONNX's %s, and no other", (operator, file) => {
  const expected = loadCases(`onnx/${file}`).map(({ name, record }) => [
    `\`${name}\``,
    String((record as typeof record & { opset: number }).opset),
    "pass",
  ]);
  expect(rowsBelow(operator).map(([name, opset, , result]) => [name, opset, result])).toEqual(expected);
});

it.each(STORED_FILES.filter((name) => !name.startsWith("onnx/")).map((name) => name.split("/")))(
  "the count of %s's %s",
  (folder, file) => {
    const rows = rowsBelow(file);
    const count = String(loadCases(`${folder}/${file}`).length);
    expect(rows.at(-1)?.slice(0, 3)).toEqual(["**all**", count, count]);
    const total = (column: number): number => rows.slice(0, -1).reduce((sum, row) => sum + Number(row[column]), 0);
    expect(String(total(1))).toBe(count);
    expect(String(total(2))).toBe(count);
  },
);
