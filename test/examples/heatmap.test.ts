/** The main job, `npm start`: examples/heatmap as a user runs it, in processes of its own. */
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  init,
  loadSafetensors,
  type Runtime,
  saveSafetensors,
  Tensor,
  type TensorData,
} from "../../ts/entry/default.js";
import { uniformGenerator } from "../cases/arbitraries.js";
import { valuesOf } from "../conformance/records.js";
import { type OracleOptions, type OracleTensor } from "../oracle/attention.js";
import { checkPromise, promise } from "../oracle/error-promise.js";

const root = fileURLToPath(new URL("../../", import.meta.url));
const main = join(root, "examples/heatmap/main.mjs");
const folder = mkdtempSync(join(tmpdir(), "wasm-attention-heatmap-"));
const inFolder = (name: string): string => join(folder, name);

interface Finished {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

interface Circumstances {
  readonly program?: readonly string[];
  /** What comes on standard input, which else is connected to nothing. */
  readonly input?: string | Buffer;
  /** Whether standard input is a pipe that stays open. */
  readonly isSilent?: boolean;
  readonly env?: Readonly<Record<string, string>>;
}

/** Runs the program to its end. */
function run(parameters: readonly string[], circumstances: Circumstances = {}): Promise<Finished> {
  const { program = [process.execPath, main], input, isSilent = false, env = {} } = circumstances;
  const child = spawn(program[0], [...program.slice(1), ...parameters], {
    cwd: root,
    env: { ...process.env, FORCE_COLOR: undefined, NO_COLOR: undefined, ...env },
    stdio: [input !== undefined || isSilent ? "pipe" : "ignore", "pipe", "pipe"],
    shell: program[0] === "npm" && process.platform === "win32",
  });
  // A program that ends without having read its input is no failure of this test.
  child.stdin?.on("error", () => {});
  if (!isSilent) child.stdin?.end(input);
  return new Promise((resolve, reject) => {
    let stdout = "";
    let stderr = "";
    child.stdout?.setEncoding("utf8").on("data", (text: string) => (stdout += text));
    child.stderr?.setEncoding("utf8").on("data", (text: string) => (stderr += text));
    child.on("error", reject).on("close", (status) => resolve({ status, stdout, stderr }));
  });
}

/** Runs the program, which must succeed without a word on standard error, and returns what it prints. */
async function succeed(parameters: readonly string[], circumstances?: Circumstances): Promise<string> {
  const { status, stdout, stderr } = await run(parameters, circumstances);
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  return stdout;
}

interface Heatmap {
  readonly text: string;
  readonly tokens: string[];
  readonly tokensInText: number;
  readonly weights: number[][];
  readonly head: number | "mean";
  readonly trained: boolean;
  readonly milliseconds: { start: number; embedding: number; attention: { fastest: number } };
  readonly runtime: { arithmetic: string; threads: number; version: string };
}

const heatmap = async (...parameters: string[]): Promise<Heatmap> =>
  JSON.parse(await succeed([...parameters, "--json"])) as Heatmap;

const draw = uniformGenerator(11);
const random = (...shape: number[]): TensorData & { data: Float32Array; shape: number[] } => ({
  data: Float32Array.from({ length: shape.reduce((a, b) => a * b) }, () => 4 * draw() - 2),
  shape,
});

const query = random(2, 4, 5, 8);
const key = random(2, 2, 9, 8);
const value = random(2, 2, 9, 6);

let runtime: Runtime;

function save(name: string, tensors: Record<string, TensorData>): string {
  writeFileSync(inFolder(name), saveSafetensors(tensors));
  return inFolder(name);
}

beforeAll(async () => {
  runtime = await init();
  save("qkv.safetensors", { q: query, k: key, v: value });
  const built = await run([], { program: [process.execPath, join(root, "scripts/build-js.mjs")] });
  expect(built).toMatchObject({ status: 0 });
});

afterAll(() => {
  runtime.dispose();
  rmSync(folder, { recursive: true, force: true });
});

describe.concurrent("a text", () => {
  it("is the example sentence by default, with npm start, and shows what it is", async () => {
    const stdout = await succeed([], { program: ["npm", "start", "--silent"] });
    const lines = stdout.split("\n");
    expect(lines[0]).toBe('"John loves to eat pizza"');
    expect(lines[3].trim().split(/\s+/)).toEqual(["John", "loves", "to", "eat", "pizza"]);
    for (const [row, token] of ["John", "loves", "to", "eat", "pizza"].entries()) {
      expect(lines[4 + row].trim().split(" ")[0]).toBe(token);
      const percents = Array.from(lines[4 + row].matchAll(/(\d+)%/g), ([, digits]) => Number(digits));
      expect(percents).toHaveLength(5);
      expect(Math.max(...percents)).toBe(percents[row]);
    }
    expect(stdout).toMatch(/The projections are untrained/);
    expect(stdout).toMatch(/Attention took [\d.]+ m?s/);
    expect(stdout).toMatch(/(separate|fused) arithmetic/);
    expect(stdout).not.toContain("\x1b");
  });

  it("comes as an argument, as several, or on standard input", async () => {
    const text = "sea shells, she sells";
    const outputs = await Promise.all([
      succeed([text, "--json"]),
      succeed([...text.split(" "), "--json"]),
      succeed(["--json"], { input: text }),
      succeed(["-", "--json"], { input: text }),
    ]);
    for (const output of outputs) {
      const { tokens, weights } = JSON.parse(output) as Heatmap;
      expect(tokens).toEqual(["sea", "shells", ",", "she", "sells"]);
      expect(weights).toEqual((JSON.parse(outputs[0]) as Heatmap).weights);
    }
  });

  it("is the example where standard input is empty or silent, which is said", async () => {
    const [empty, silent] = await Promise.all([run([], { input: "" }), run([], { isSilent: true })]);
    for (const { status, stdout, stderr } of [empty, silent]) {
      expect(status).toBe(0);
      expect(stdout).toMatch(/^"John loves to eat pizza"/);
      expect(stderr).toMatch(/^note: [^\n]*standard input[^\n]*\n$/);
    }
  });

  it("gives the same weights each time, in rows that sum to 1", async () => {
    const text = "the cat sat on the other mat";
    const [first, second, otherSeed] = await Promise.all([
      heatmap(text),
      heatmap(text),
      heatmap(text, "--seed", "4294967295"),
    ]);
    expect(second.weights).toEqual(first.weights);
    expect(otherSeed.weights).not.toEqual(first.weights);
    expect(first).toMatchObject({ text, tokensInText: 7, head: "mean", trained: false });
    expect(first.milliseconds.attention.fastest).toBeGreaterThan(0);
    expect(first.runtime).toMatchObject({ threads: 1, version: runtime.version });
    for (const { weights } of [first, otherSeed]) {
      expect(weights).toHaveLength(7);
      for (const row of weights) {
        expect(row).toHaveLength(7);
        // Each of the 7 float32 weights may be off by a rounding, and so may what was divided.
        expect(Math.abs(row.reduce((sum, weight) => sum + weight) - 1)).toBeLessThan(2 ** -20);
      }
    }
  });

  it("attends to like spelling in the first heads and to neighbours in the last", async () => {
    const text = "the shells that she sells are sea shells";
    const [spelling, nearness] = await Promise.all([heatmap(text, "--head", "0"), heatmap(text, "--head", "2")]);
    const [, shells] = spelling.weights;
    expect(shells[7]).toBeCloseTo(shells[1], 5);
    expect(shells[4]).toBeGreaterThan(2 * shells[2]);
    for (const [i, row] of nearness.weights.entries()) {
      for (const [j, weight] of row.entries()) {
        const distance = Math.abs(i - j);
        if (distance > 0 && distance < 4) {
          // One step nearer, on the same side.
          expect(row[j + Math.sign(i - j)]).toBeGreaterThan(weight);
        }
      }
    }
  });

  it("hides what comes later with --causal", async () => {
    const { weights } = await heatmap("to be or not to be", "--causal");
    weights.forEach((row, i) => row.forEach((weight, j) => expect(weight > 0).toBe(j <= i)));
    expect(weights[0][0]).toBe(1);
    expect((await succeed(["to be or not to be", "--causal"])).match(/·/g)).toHaveLength(15);
  });

  it("runs separate arithmetic with --deterministic, and any number of heads", async () => {
    for (const heads of ["1", "3", "16"]) {
      const { runtime, weights } = await heatmap("not so fast", "--deterministic", "--heads", heads);
      expect(runtime.arithmetic).toBe("separate");
      for (const row of weights) expect(row.every((weight) => weight > 0 && weight <= 1)).toBe(true);
    }
  });

  it("is cut where it is too long, and says so", async () => {
    const text = "one two three four five six seven eight nine ten eleven twelve ".repeat(100);
    const [wide, narrow] = await Promise.all([
      succeed([text, "--max-tokens", "50"]),
      succeed([text, "--max-tokens", "50", "--width", "40"]),
    ]);
    for (const output of [wide, narrow])
      expect(output.replace(/\s+/g, " ")).toContain("The text has 1200 tokens: these are the first 50");
    expect(narrow.replace(/\s+/g, " ")).toMatch(/room for the first \d+ of 50 tokens/);
    for (const line of narrow.trimEnd().split("\n")) expect([...line].length).toBeLessThanOrEqual(40);
  });

  it("is coloured only where that is wanted, and can't bring control characters along", async () => {
    const [forced, forbidden, refused] = await Promise.all([
      succeed(["red \x1b[31m alert \u202e"], { env: { FORCE_COLOR: "3" } }),
      succeed(["red \x1b[31m alert \u202e"], { env: { FORCE_COLOR: "3", NO_COLOR: "1" } }),
      succeed(["red", "--no-color"], { env: { FORCE_COLOR: "3" } }),
    ]);
    expect(forced).toContain("\x1b[48;2;");
    expect(forced).not.toContain("\x1b[31m");
    for (const output of [forbidden, refused]) expect(output).not.toContain("\x1b");
    expect(forbidden).not.toContain("\u202e");
  });
});

describe.concurrent("--svg", () => {
  /** Fails unless all elements are closed in order and nothing is left that XML would read otherwise. */
  function expectWellFormed(xml: string): void {
    const open: string[] = [];
    const body = xml.replace(/^<\?xml version="1\.0" encoding="UTF-8"\?>\n/, "");
    expect(body).not.toBe(xml);
    const text = body.replace(
      /<(\/?)([a-zA-Z]+)((?: [\w:-]+="[^"<&]*")*)(\/?)>/g,
      (_, end, name: string, __, empty) => {
        if (end) expect(open.pop()).toBe(name);
        else if (!empty) open.push(name);
        return "";
      },
    );
    expect(open).toEqual([]);
    expect(text.replace(/&(amp|lt|gt|quot);/g, "")).not.toMatch(/[<&]/);
    // eslint-disable-next-line no-control-regex
    expect(xml).not.toMatch(/[\0-\x08\x0b-\x1f\ufffe\uffff]/);
  }

  it("writes a picture with every weight", async () => {
    const file = inFolder("picture.svg");
    expect(await succeed(["John loves to eat pizza", "--svg", file])).toContain(`Wrote ${file}.`);
    const svg = readFileSync(file, "utf8");
    expectWellFormed(svg);
    const { tokens, weights } = await heatmap("John loves to eat pizza");
    tokens.forEach((from, i) =>
      tokens.forEach((to, j) => {
        expect(svg).toContain(`<title>${from} → ${to}: ${(weights[i][j] * 100).toFixed(1)}%</title>`);
      }),
    );
  });

  it("escapes what tokens hold, and stays small", async () => {
    const strange = inFolder("strange.svg");
    await succeed(['<b> & "quoted" \x07bell \ud83c\udf55 \u7430\u5948', "--svg", strange, "--causal"]);
    const svg = readFileSync(strange, "utf8");
    expectWellFormed(svg);
    expect(svg).toContain("&lt;b&gt; &amp; &quot;quoted&quot;");
    expect(svg).toContain("\ud83c\udf55");
    expect(svg).not.toMatch(/<title>b → &gt;/);

    const long = inFolder("long.svg");
    const output = await succeed(["word ".repeat(200), "--svg", long]);
    expect(output).toContain("the first 128 tokens");
    expect(readFileSync(long, "utf8").match(/<rect x/g)).toHaveLength(128 * 128 + 1);
    expectWellFormed(readFileSync(long, "utf8"));
  });
});

describe.concurrent("a .safetensors file", () => {
  const mask = { data: new Uint8Array(9).fill(1, 2, 8), shape: [9] };
  const packed = { query: random(2, 5, 32), key: random(2, 9, 16), value: random(2, 9, 12) };
  const rows = { query: random(1, 5, 4, 8), key: random(1, 7, 2, 8), value: random(1, 7, 2, 8) };
  type Inputs = Record<"query" | "key" | "value", OracleTensor>;

  it.each<[string, Record<string, TensorData>, Inputs, string[], OracleOptions]>([
    ["q, k, v", { q: query, k: key, v: value }, { query, key, value }, ["--causal"], { isCausal: true }],
    [
      "other names, in a window",
      { Query: query, KEY: key, Value: value, more: mask },
      { query, key, value },
      ["--causal", "--causal-alignment", "lower-right", "--left-window", "2", "--scale", "-0.5", "--softcap", "3"],
      { isCausal: true, causalAlignment: "lower-right", leftWindowSize: 2, scale: -0.5, softcap: 3 },
    ],
    [
      "heads side by side",
      { q: packed.query, k: packed.key, v: packed.value },
      packed,
      ["--num-heads", "4", "--num-kv-heads", "2", "--right-window", "1"],
      { numHeads: 4, numKvHeads: 2, rightWindowSize: 1 },
    ],
    ["rows before heads", { ...rows }, rows, ["--layout", "BLHD"], { layout: "BLHD" }],
    [
      "a mask",
      { q: query, k: key, v: value, attn_mask: mask },
      { query, key, value },
      [],
      { attnMask: { ...mask, kind: "bool" } },
    ],
  ])("gives the attention of %s", async (name, tensors, inputs, parameters, options) => {
    const file = save(`${name}.safetensors`, tensors);
    const out = inFolder(`${name}.out.safetensors`);
    const printed = await succeed([file, ...parameters, "--out", out, "--weights"]);
    const promised = promise(inputs.query, inputs.key, inputs.value, { ...options, needWeights: true });
    const loaded = loadSafetensors(readFileSync(out)).tensors;
    expect([...loaded.keys()].sort()).toEqual(["output", "weights"]);
    for (const result of ["output", "weights"] as const) {
      const tensor = loaded.get(result);
      expect(tensor).toBeInstanceOf(Tensor);
      expect(tensor?.shape).toEqual(promised[result]?.shape);
      checkPromise(result, valuesOf(tensor as Tensor), promised[result]!, "float32");
      expect(printed).toContain(`[${promised[result]?.shape.join(", ")}]`);
      tensor?.dispose();
    }
    for (const input of Object.keys(tensors)) expect(printed).toContain(input);
    expect(printed).toMatch(/Attention took [\d.]+ m?s/);
    expect(printed).toMatch(/(separate|fused) arithmetic/);
  });

  it("is found where npm was called, and described as JSON", async () => {
    const env = { npm_lifecycle_event: "start", INIT_CWD: folder };
    const result = JSON.parse(
      await succeed(["qkv.safetensors", "--json", "--out", "o.safetensors"], { env }),
    ) as unknown;
    expect(result).toMatchObject({
      inputs: [
        { name: "q", dtype: "float32", shape: [2, 4, 5, 8] },
        { name: "k", dtype: "float32", shape: [2, 2, 9, 8] },
        { name: "v", dtype: "float32", shape: [2, 2, 9, 6] },
      ],
      outputs: [{ name: "output", dtype: "float32", shape: [2, 4, 5, 6] }],
      out: inFolder("o.safetensors"),
      milliseconds: { fastest: expect.any(Number) as number },
      runtime: { threads: 1 },
    });
    expect([...loadSafetensors(readFileSync(inFolder("o.safetensors"))).tensors.keys()]).toEqual(["output"]);
  });
});

describe.concurrent("--help", () => {
  it("names the options and gives examples", async () => {
    const help = await succeed(["--help"]);
    expect(help).toMatch(/^Usage: npm start --/);
    for (const text of [
      "Examples:",
      "--causal",
      "--head ",
      "--json",
      "--svg",
      "--out",
      "--weights",
      "qkv.safetensors",
    ]) {
      expect(help).toContain(text);
    }
    for (const line of help.split("\n")) expect(line.length).toBeLessThanOrEqual(100);
  });
});

describe.concurrent("mistakes", () => {
  const zeros = (...shape: number[]): TensorData => ({ data: new Float32Array(shape.reduce((a, b) => a * b)), shape });
  const file = (name: string): string => inFolder(`${name}.safetensors`);

  beforeAll(() => {
    writeFileSync(file("empty"), "");
    writeFileSync(file("broken"), "this is no safetensors file");
    writeFileSync(file("cut"), readFileSync(inFolder("qkv.safetensors")).subarray(0, -4));
    save("no-key.safetensors", { q: query, v: value });
    save("two.safetensors", { q: query, query, k: key, v: value });
    save("shapes.safetensors", { q: query, k: zeros(2, 2, 9, 7), v: value });
    save("integers.safetensors", { q: { data: new Int32Array(4), shape: [2, 2] }, k: zeros(2, 2), v: zeros(2, 2) });
    save("large.safetensors", { q: zeros(30000, 1), k: zeros(30000, 1), v: zeros(30000, 1) });
    const header = JSON.stringify({
      k: { dtype: "F32", shape: [1, 1], data_offsets: [0, 4] },
      v: { dtype: "F32", shape: [1, 1], data_offsets: [4, 8] },
      q: { dtype: "F64", shape: [1, 1], data_offsets: [8, 16] },
    });
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(header.length));
    writeFileSync(file("double"), Buffer.concat([length, Buffer.from(header), Buffer.alloc(16)]));
  });

  it.each<[string, () => string[], RegExp, Circumstances?]>([
    ["a missing file", () => [file("missing")], /cannot read .*missing\.safetensors: no such file/],
    ["an empty file", () => [file("empty")], /empty\.safetensors: .*at least 8 bytes/],
    ["a broken file", () => [file("broken")], /broken\.safetensors: .*not a safetensors file/],
    ["a file that is cut off", () => [file("cut")], /cut\.safetensors: .*cut off/],
    ["a missing tensor", () => [file("no-key")], /expected tensors named k or key; there are .*q.*v/],
    ["an ambiguous tensor", () => [file("two")], /expected one tensor for the query, got q and query/],
    ["wrong shapes", () => [file("shapes")], /shapes\.safetensors: .*key: expected shape .*got \[2, 2, 9, 7\]/],
    ["integers", () => [file("integers")], /query: expected float32.*int32/],
    ["float64", () => [file("double")], /q: expected float32.*F64/],
    ["no memory", () => [file("large"), "--weights", "--out", file("o")], /out of memory/],
    ["a head too many", () => [file("qkv"), "--num-heads", "3"], /3 heads, as numHeads says/],
    ["a negative softcap", () => [file("qkv"), "--softcap", "-1"], /softcap: expected .* got -1/],
    ["a window below -1", () => [file("qkv"), "--left-window", "-2"], /--left-window .*-2.*from -1/],
    ["an unknown layout", () => [file("qkv"), "--layout", "HBLD"], /--layout .*BHLD, BLHD/],
    ["no number", () => [file("qkv"), "--scale", "large"], /--scale .*Expected a number/],
    ["an unwritable output", () => [file("qkv"), "--out", join(folder, "no/o.safetensors")], /cannot write .*no such/],
    ["an unwritable picture", () => ["--svg", folder], /cannot write .*it is a folder/],
    ["the input as output", () => [file("qkv"), "--out", file("qkv")], /names the input/],
    ["weights without an output", () => [file("qkv"), "--weights"], /--weights.*--out/],
    ["a text and a file", () => ["hello", file("qkv")], /a text or one \.safetensors file/],
    ["two files", () => [file("qkv"), file("two")], /a text or one \.safetensors file/],
    ["a text's option for a file", () => [file("qkv"), "--svg", "a.svg"], /--svg.*not for \.safetensors/],
    ["a file's option for a text", () => ["hello", "--scale", "2"], /--scale.*not for texts/],
    ["an empty text", () => [""], /the text is empty/],
    ["a blank text", () => ["-"], /the text is empty/, { input: " \n\t" }],
    ["bytes that are no text", () => [], /UTF-8/, { input: Buffer.from([0xff, 0xfe, 0x41]) }],
    ["an unknown option", () => ["--hed", "1"], /unknown option '--hed'.*--head/],
    ["an option without its value", () => ["--svg"], /--svg.*argument missing/],
    ["a head that there isn't", () => ["--head", "4"], /--head.*from 0 to 3, got 4/],
    ["heads that don't fit", () => ["--heads", "3", "--embed-dim", "100"], /--embed-dim.*multiple of 12/],
    ["too many tokens", () => ["--max-tokens", "1000000"], /--max-tokens.*to 4096/],
  ])("%s: one line and a failure", async (_, parameters, message, circumstances) => {
    const { status, stdout, stderr } = await run(parameters(), circumstances);
    expect(stderr).toMatch(/^error: [^\n]+\n$/);
    expect(stderr).toMatch(message);
    expect({ status, stdout }).toEqual({ status: 1, stdout: "" });
  });
});
