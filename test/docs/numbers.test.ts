/** Numbers that the code defines are the same wherever a page or a comment says them. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { Record as RecordedRun } from "../../bench/record.mjs";
import type { Record as RecordedMatrix } from "../matrix/readme-table.mjs";
import { loadCases } from "../conformance/records.js";
import { STORED_FILES } from "../conformance/stored-file.js";

const read = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");

/** What the pattern's groups match, once, in a file. */
function find(path: string, pattern: RegExp): string[] {
  const [, ...found] = pattern.exec(read(path)) ?? [];
  if (found.length === 0) throw new Error(`${path} has no ${pattern.source}`);
  return found;
}

const constant = (path: string, name: string): number =>
  Number(find(path, new RegExp(`\\bconst ${name}: \\w+ = ([\\d_.]+);`))[0].replaceAll("_", ""));
const tiles = (name: string): number => constant("crate/src/tiles.rs", name);

const lanes = constant("crate/src/simd/mod.rs", "LANES");
const panel = tiles("PANEL");
const [fusedRows, separateRows] = find(
  "crate/src/tiles.rs",
  /const TILE: usize = if FUSED { (\d+) } else { (\d+) };/,
).map(Number);
const block = tiles("KEY_BLOCK");
/** Panels of a block of query rows in the backward pass. */
const panels = constant("crate/src/tiles.rs", "BLOCK_PANELS");
const keyStrip = tiles("KEY_STRIP");
const valueStrip = tiles("VALUE_STRIP");
/** Sums, vectors of the panel, and one scalar that is spread over a vector. */
const registers = (rows: number): number => (rows + 1) * (panel / lanes) + 1;

const softmax = (name: string): number =>
  Number(
    find("crate/src/attention/online_softmax.rs", new RegExp(`const ${name}: f32 = (-?[\\d_.]+);`))[0].replaceAll(
      "_",
      "",
    ),
  );
const factor = Math.log2(softmax("FACTOR"));

const budgetOf = (pattern: RegExp): number => Number(find("scripts/size.mjs", pattern)[0]);
const [moduleMemory] = find("ts/entry/module-only.ts", /MAXIMUM_MEMORY = (\d+) \* 2 \*\* 20;/).map(Number);
const [node] = find("package.json", /"node": ">=([\d.]+)"/);
const typescripts = ["oldest", "newest"].map(
  (name) => find("test/package/package.json", new RegExp(`"typescript-${name}": "npm:typescript@(\\d+\\.\\d+)`))[0],
);
const [ownTypescript] = find("package.json", /"typescript": "(\d+\.\d+)/);

const onnxCases = loadCases("onnx/attention");
const opsets = onnxCases.map(({ record }) => (record as typeof record & { opset: number }).opset);
const countIn = (folder: string): number =>
  STORED_FILES.filter((name) => name.startsWith(folder)).reduce((sum, name) => sum + loadCases(name).length, 0);

const run = JSON.parse(read("bench/record/run.json")) as RecordedRun;
const reference = run.costs?.find(({ engine }) => engine === "onnxruntime-web");
/** Runtimes that pick separate arithmetic, since the host lets them have nothing else. */
const separateHosts = (JSON.parse(read("test/matrix/record.json")) as RecordedMatrix).rows
  .filter(({ arithmetic }) => arithmetic === "separate")
  .map(({ host }) => host.split(": ")[0]);

/** A package of test/conformance/requirements.txt, as a pattern for a version and the pinned one. */
const pinned = (name: string): [RegExp, string[]] => [
  new RegExp(`\\b${name} (\\d+\\.\\d+\\.\\d+)`, "g"),
  find("test/conformance/requirements.txt", new RegExp(`^${name}==([\\d.]+)$`, "m")),
];

/** Document, what it says with a group for each number, and what these numbers are. */
const table: [document: string, statement: RegExp, numbers: (number | string)[]][] = [
  ["docs/design.md", /A \*panel\* of (\d+) query rows/g, [panel]],
  ["docs/design.md", /scores for (\d+) queries/g, [lanes]],
  ["docs/design.md", /fewer than (\d+) queries/g, [panel]],
  ["docs/design.md", /Up to (\d+) rows make half a panel/g, [panel / 2]],
  ["docs/design.md", /Blocks of (\d+) keys begin at multiples of (\d+)/g, [block, block]],
  ["docs/design.md", /begins at a multiple of (\d+)\./g, [keyStrip]],
  ["docs/design.md", /up to (\d+) blocks at a time/g, [tiles("SINGLE_ROW_BLOCKS")]],
  [
    "docs/design.md",
    /`\[T \/ (\d+)\]\[D\]\[(\d+)\]` and `\[Dv \/ (\d+)\]\[T\]\[(\d+)\]`/g,
    [keyStrip, keyStrip, valueStrip, valueStrip],
  ],
  ["docs/design.md", /Fused, it is (\d+) rows × (\d+) columns/g, [fusedRows, panel]],
  ["docs/design.md", /Separate, it is (\d+) × (\d+)/g, [separateRows, panel]],
  [
    "docs/design.md",
    /(\d+)\s+sums, (\d+) vectors of the panel and 1 spread scalar are the (\d+) registers/g,
    [(fusedRows * panel) / lanes, panel / lanes, registers(fusedRows)],
  ],
  ["docs/design.md", /lags by more than (\d+)/g, [softmax("HEADROOM")]],
  ["docs/design.md", /carry a factor of 2\^(\d+)/g, [factor]],
  ["docs/design.md", /below 2\^(-\d+) of the reference/g, [softmax("LOWEST")]],
  ["docs/design.md", /the largest is 2\^(\d+)/g, [factor + softmax("HEADROOM")]],
  ["docs/design.md", /ship a (\d+) MB inference engine/g, [Math.round((reference?.bytes ?? 0) / 1e6)]],
  [
    "docs/semantics.md",
    /a factor, here 2\^(\d+), and up to 2\^(\d+) above their reference, so up to 2\^(\d+)/g,
    [factor, softmax("HEADROOM"), factor + softmax("HEADROOM")],
  ],
  ["docs/semantics.md", /all (\d+) ONNX cases/g, [onnxCases.length]],
  ["docs/conformance.md", /\*\*PyTorch\*\*: (\d+) records/g, [countIn("pytorch/")]],
  ["docs/conformance.md", /\*\*transformers\*\*: (\d+) records/g, [countIn("transformers/")]],
  ["docs/conformance.md", /\*\*Keras\*\*: (\d+) records/g, [countIn("keras/")]],
  ["docs/conformance.md", /\*\*Metrics\*\*: (\d+) records/g, [countIn("metrics/")]],
  ...["docs/conformance.md", "test/conformance/README.md"].flatMap((page) =>
    ["onnx", "torch", "transformers", "keras", "scikit-learn", "sacrebleu", "jiwer"].map(
      (name): (typeof table)[number] => [page, ...pinned(name)],
    ),
  ),
  ...STORED_FILES.map((name): (typeof table)[number] => [
    "test/conformance/README.md",
    new RegExp(`^\\| \`${name}\\.safetensors\` \\|.*\\| (\\d+) \\|$`, "gm"),
    [loadCases(name).length],
  ]),

  ["docs/design.md", /(\d+)\s+query\s+rows\s+and\s+of\s+(\d+)\s+keys/g, [panels * panel, block]],
  [
    "docs/training.md",
    /of\s+(\d+)\s+panels\s+of\s+up\s+to\s+(\d+)\s+rows,\s+and\s+for\s+each\s+of\s+these\s+the\s+keys\s+in\s+blocks\s+of\s+(\d+)\s+that\s+begin\s+at\s+multiples\s+of\s+(\d+)/g,
    [panels, panel, block, block],
  ],

  ["docs/performance.md", /hides from (\d+) neighbouring rows/g, [panel]],
  ["docs/performance.md", /multiples of (\d+) are best/g, [lanes]],
  ["docs/performance.md", /fewer than (\d+) queries/g, [panel]],
  [
    "docs/performance.md",
    /\| (\d+) to (\d+) cost about the same, and so do (\d+) to (\d+)/g,
    [2, panel / 2, panel / 2 + 1, panel],
  ],
  ["docs/performance.md", /T · \(D \+ Dv\) · (\d+) bytes/g, [Float32Array.BYTES_PER_ELEMENT]],
  [
    "docs/performance.md",
    /the (\d+) × (\d+) tile is (\d+) multiply-adds and (\d+) loads/g,
    [fusedRows, panel, (fusedRows * panel) / lanes, fusedRows + panel / lanes],
  ],
  [
    "docs/performance.md",
    /the (\d+) × (\d+) tile is (\d+) multiplications, (\d+) additions and (\d+) loads/g,
    [separateRows, panel, (separateRows * panel) / lanes, (separateRows * panel) / lanes, separateRows + panel / lanes],
  ],
  [
    "docs/performance.md",
    /A tile of (\d+) rows .* V8 has\s+(\d+) registers for vectors on x64 and it needs (\d+)/g,
    [fusedRows, registers(fusedRows), registers(fusedRows) + 1],
  ],
  [
    "docs/performance.md",
    /(Node \d+)'s V8 hides relaxed SIMD/g,
    [separateHosts.find((host) => host.startsWith("Node")) ?? "none"],
  ],

  ["README.md", /all (\d+) of ONNX's cases/g, [onnxCases.length]],
  ["README.md", /ONNX `Attention` opset (\d+) to (\d+)/g, [Math.min(...opsets), Math.max(...opsets)]],
  ["README.md", /Node (\d+\.\d+)(?!\.)(?: or newer|\. All load)/g, [node]],
  ["README.md", /`maximumMemory` is (\d+) MiB/g, [moduleMemory]],
  [
    "README.md",
    /with TypeScript (\d+\.\d+) and (\d+\.\d+), and, for `moduleResolution: node10`, with (\d+\.\d+) and (\d+\.\d+)/g,
    [...typescripts, typescripts[0], ownTypescript],
  ],
  [
    "README.md",
    /the default entry weighs at most (\d+) KB, `slim` (\d+) KB, and one `\.wasm` file (\d+) KB; `train` adds (\d+) KB/g,
    [
      budgetOf(/file: "index\.js", budget: (\d+)/),
      budgetOf(/file: "slim\.js", budget: (\d+)/),
      budgetOf(/WASM_BUDGET = (\d+)/),
      budgetOf(/file: "train\.js", budget: (\d+)/),
    ],
  ],
  ["CONTRIBUTING.md", /Node (\d+\.\d+) or newer/g, [node]],
  ["docs/migrating.md", /ONNX `Attention` \(opset (\d+) to (\d+)\)/g, [Math.min(...opsets), Math.max(...opsets)]],
  ["ts/runtime/options.ts", /chose the entry, (\d+) MiB/g, [moduleMemory]],

  ["crate/src/attention/mod.rs", /at most (\d+) keys by (\d+) queries/g, [block, panel]],
  ["crate/src/attention/mod.rs", /blocks begin at multiples of (\d+) keys/g, [block]],
  ["crate/src/attention/mod.rs", /A \*panel\* of (\d+) query rows/g, [panel]],
  ["crate/src/attention/forward.rs", /cut at the multiples of (\d+)/g, [block]],
  ["crate/src/attention/forward.rs", /may begin late, at a multiple of (\d+)/g, [tiles("KEY_STRIP")]],
  ["crate/src/attention/forward.rs", /panel Q \[(\d+), D\]/g, [panel]],
];

it.each(table)("%s: %s", (document, statement, numbers) => {
  const matches = [...read(document).matchAll(statement)];
  expect(matches.length).toBeGreaterThan(0);
  for (const [, ...said] of matches) expect(said).toEqual(numbers.map(String));
});

describe("docs/performance.md", () => {
  it("has no number but those, generated ones and those in code", () => {
    const statements = table
      .filter(([document]) => document === "docs/performance.md")
      .map(([, statement]) => statement);
    let text = read("docs/performance.md").replace(/<!-- begin.*<!-- end -->/s, "");
    for (const statement of statements) text = text.replace(statement, "");
    text = text.replace(/`[^`]*`/g, "");
    expect(text.match(/(?<!\w)\d[\d.,]*/g) ?? []).toEqual([]);
  });
});
