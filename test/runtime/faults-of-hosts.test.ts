/**
 * What hosts lack or forbid, in hosts that really do: Node processes started with V8's flags or with globals taken away,
 * and contexts that compile no bytes. They run the built package.
 */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { createContext, runInContext } from "node:vm";
import { describe, expect, test } from "vitest";
import type * as entry from "../../ts/entry/default.js";

const root = fileURLToPath(new URL("../../", import.meta.url));
const dist = (name: string): string => pathToFileURL(join(root, "dist", name)).href;

/** Available to all programs: what a call gives, or what it throws. */
const outcome = `
  const outcome = async (call) => {
    try {
      return await call();
    } catch ({ name, code, message, cause }) {
      return { name, code, message, ...(cause && { cause: cause.name }) };
    }
  };
  const report = (value) => console.log(JSON.stringify(value));
`;

/** Runs a command to its end, and gives what its program reports. Fails when the process does. */
function reportOf(command: string, parameters: readonly string[]): unknown {
  const printed = execFileSync(command, parameters, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
  return JSON.parse(printed.trim().split("\n").at(-1) ?? "");
}

/** What Node takes to run a module. */
const nodeParameters = (program: string, flags: readonly string[]): string[] => [
  ...flags,
  "--input-type=module",
  "--eval",
  outcome + program,
];

/** Runs a module in a Node of its own. */
const runProgram = (program: string, flags: readonly string[] = []): unknown =>
  reportOf(process.execPath, nodeParameters(program, flags));

const load = `
  import { readFileSync } from "node:fs";
  const { init, initSync, memoryUsage, rand, scope, softmax, Tensor } = await import("${dist("index.js")}");
  const bytes = readFileSync(${JSON.stringify(join(root, "ts/wasm/separate.wasm"))});
`;

describe("a host without WebAssembly (node --jitless) says so", () => {
  test("by init and initSync, whatever module they are given, and by every entry", () => {
    const results = runProgram(
      `${load}
      const slim = await import("${dist("slim.js")}");
      report([
        typeof WebAssembly,
        await outcome(() => init()),
        await outcome(() => init({ module: bytes })),
        await outcome(() => initSync({ module: undefined })),
        await outcome(() => slim.init({ module: bytes })),
        await outcome(() => softmax({ data: [1], shape: [1] })),
        await outcome(() => init()),
      ]);`,
      ["--jitless"],
    );
    const missing = (operation: string): object => ({
      name: "AttentionError",
      code: "ERR_NO_WEBASSEMBLY",
      message: expect.stringMatching(
        new RegExp(`^${operation}: this host has no WebAssembly \\(.*node --jitless`),
      ) as string,
    });
    expect(results).toEqual([
      "undefined",
      missing("init"),
      missing("init"),
      missing("initSync"),
      missing("init"),
      { name: "AttentionError", code: "ERR_NOT_INITIALIZED", message: expect.stringMatching(/^softmax: /) as string },
      missing("init"),
    ]);
  });
});

// V8 has SIMD on x64 only where the processor has SSE 4.1.
describe.runIf(process.arch === "x64")("a host without SIMD (V8 told to use no SSE 4.1) says so", () => {
  test("by init and initSync", () => {
    const results = runProgram(
      `${load}
      const empty = new WebAssembly.Module(Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0));
      report([
        await outcome(() => init()),
        await outcome(() => init({ module: bytes })),
        await outcome(() => initSync({ module: empty })),
      ]);`,
      ["--no-enable-sse4-1"],
    );
    const message = (operation: string): object => ({
      name: "AttentionError",
      code: "ERR_NO_SIMD",
      message: `${operation}: this host's WebAssembly has no SIMD; Chrome 91, Firefox 89, Safari 16.4, Node 16.4 and later have it`,
    });
    expect(results).toEqual([message("init"), message("init"), message("initSync")]);
  });
});

describe("a host that gives less memory than maximumMemory", () => {
  const PAGES = 100;

  test("refuses one more tensor; the runtime stays usable, and all comes back", () => {
    const results = runProgram(
      `${load}
      await init({ maximumMemory: 2 ** 28 });
      const kept = Tensor.from([1, 2]);
      const { bytesInUse } = memoryUsage();
      const fill = () => scope(() => { for (;;) rand([2 ** 18]); });
      const first = await outcome(fill);
      const used = memoryUsage();
      // What was given back is there again: as much fits as before, and no more.
      const second = await outcome(fill);
      report({ first, second, left: memoryUsage().bytesInUse - bytesInUse, used, after: memoryUsage(), kept: kept.toNested() });`,
      [`--wasm-max-mem-pages=${PAGES}`],
    ) as { used: { bytesReserved: number }; first: object };
    const refused = {
      name: "RangeError",
      code: "ERR_OUT_OF_MEMORY",
      message: expect.stringMatching(
        /^rand: out of memory: 1048576 bytes more than the \d+ in use; .* within maximumMemory, 268435456 bytes, or what the host allows$/,
      ) as string,
    };
    expect(results).toMatchObject({ first: refused, left: 0, kept: [1, 2] });
    expect(results).toMatchObject({ second: results.first, after: results.used });
    expect(results.used.bytesReserved).toBeLessThanOrEqual(PAGES * 65536);
    expect(results.used.bytesReserved).toBeGreaterThan((PAGES / 2) * 65536);
  });

  test("or even what a module starts with: init says that, and not that the module is wrong", () => {
    const message = (operation: string): object => ({
      name: "RangeError",
      code: "ERR_OUT_OF_MEMORY",
      message: expect.stringMatching(new RegExp(`^${operation}: module: the host has no memory for it: `)) as string,
    });
    const results = runProgram(
      `${load}
      report([
        await outcome(() => init()),
        await outcome(() => init({ module: bytes })),
        await outcome(() => initSync({ module: new WebAssembly.Module(bytes) })),
      ]);`,
      ["--wasm-max-mem-pages=10"],
    );
    expect(results).toEqual([message("init"), message("init"), message("initSync")]);
  });
});

// Only Linux counts address space that is merely reserved.
describe.runIf(process.platform === "linux")("a process with 6 GB of virtual memory (ulimit -v)", () => {
  const runLimited = (program: string, flags: readonly string[] = []): unknown =>
    reportOf("sh", ["-c", 'ulimit -v 6000000 && exec "$0" "$@"', process.execPath, ...nodeParameters(program, flags)]);
  const program = `${load}
    report([
      await outcome(() => new WebAssembly.Memory({ initial: 1 }) && "memory"),
      await outcome(async () => (await init()).dispose()),
      await outcome(async () => (await init({ module: bytes })).dispose()),
      await outcome(() => initSync({ module: new WebAssembly.Module(bytes) }) && rand([2 ** 25]).shape),
    ]);`;

  test("is told of V8's guard regions, and how to do without them", () => {
    const [memory, ...results] = runLimited(program) as unknown[];
    // Node 24 leaves them out by itself where there is no room for any.
    if (memory === "memory") expect(results).toEqual([null, null, [2 ** 25]]);
    else expect(results).toEqual(["init", "init", "initSync"].map(refused));
    function refused(operation: string): object {
      const text =
        `^${operation}: module: the host has no memory for it: WebAssembly\\.Instance\\(\\): .*; V8 reserves 10 GiB of ` +
        "address space as guard regions: where ulimit -v is less, raise it or start Node with --disable-wasm-trap-handler$";
      const message = expect.stringMatching(new RegExp(text)) as string;
      return { name: "RangeError", code: "ERR_OUT_OF_MEMORY", message };
    }
  });

  test("computes when Node is started with --disable-wasm-trap-handler", () => {
    const results = runLimited(program, ["--disable-wasm-trap-handler"]);
    expect(results).toEqual(["memory", null, null, [2 ** 25]]);
  });
});

describe("a host without", () => {
  const works = `
    await init();
    const tensor = Tensor.from([[3, 3]]);
    const bytesOfTensor = memoryUsage().bytesInUse;
    const weights = scope(() => softmax(tensor));
    const nested = weights.toNested();
    weights.dispose();
  `;
  const taken = {
    SharedArrayBuffer: "delete globalThis.SharedArrayBuffer;",
    FinalizationRegistry: "delete globalThis.FinalizationRegistry;",
    "process.getBuiltinModule": "process.getBuiltinModule = undefined;",
    "process and navigator": "delete globalThis.process; delete globalThis.navigator;",
    Response: "delete globalThis.Response;",
  };
  test.each(Object.entries(taken))("%s: everything works", (_, take) => {
    const results = runProgram(`${take}${load}${works}
      tensor.dispose();
      report([nested, bytesOfTensor, memoryUsage().bytesInUse, (await init({ maximumMemory: 2 ** 32 })).failed]);`);
    expect(results).toEqual([[[0.5, 0.5]], 8, 0, false]);
  });

  test("Symbol.dispose: tensors have the method that polyfills look for, and none called undefined", () => {
    const results = runProgram(`
      const { Symbol: native } = globalThis;
      const { dispose, length, name, prototype, ...others } = Object.getOwnPropertyDescriptors(native);
      globalThis.Symbol = Object.defineProperties((description) => native(description), others);
      ${load}${works}
      const names = Object.getOwnPropertyNames(Tensor.prototype);
      tensor[Symbol.for("Symbol.dispose")]();
      report([Symbol.dispose === undefined, nested, tensor.disposed, names.includes("undefined"), memoryUsage().bytesInUse]);`);
    expect(results).toEqual([true, [[0.5, 0.5]], true, false, 0]);
  });

  // As Firefox before 113, and an older browser's audio worklet.
  test.each(["DecompressionStream", "atob"])("%s: init says so, and takes a module", (name) => {
    const results = runProgram(`
      process.getBuiltinModule = undefined;
      delete Uint8Array.fromBase64;
      delete globalThis.${name};
      ${load}
      const refused = await outcome(() => init());
      report([refused, (await init({ module: bytes })).arithmetic, Tensor.from([1]).item()]);`);
    const message = `init: this host can't unpack the module: ${name} is not defined: pass one, init({ module })`;
    expect(results).toEqual([
      { name: "AttentionError", code: "ERR_NO_DECOMPRESSION", message, cause: "ReferenceError" },
      "separate",
      1,
    ]);
  });

  const broken = {
    "knows another format alone":
      'class { constructor(format) { throw new TypeError("Unsupported compression format: " + format); } }',
    "fails on the way": `class extends TransformStream {
      constructor() { super({ transform() { throw new TypeError("the stream broke"); } }); }
    }`,
  };
  test.each(Object.entries(broken))("a DecompressionStream that works: it %s", (_, stream) => {
    const results = runProgram(`
      process.getBuiltinModule = undefined;
      const whole = globalThis.DecompressionStream;
      globalThis.DecompressionStream = ${stream};
      ${load}
      const refused = await outcome(() => init());
      globalThis.DecompressionStream = whole;
      await init();
      // A rejection that nobody heard would have ended the process by now.
      await new Promise((resolve) => setTimeout(resolve, 10));
      report([refused, Tensor.from([1]).item()]);`);
    const message = expect.stringMatching(
      /^init: this host can't unpack the module: .*(deflate|the stream broke): pass one, init\(\{ module \}\)$/,
    ) as string;
    expect(results).toEqual([{ name: "AttentionError", code: "ERR_NO_DECOMPRESSION", message, cause: "TypeError" }, 1]);
  });
});

describe("promises of modules that reject don't end the process", () => {
  const settle = "await new Promise((resolve) => setTimeout(resolve, 10));";
  const offline = 'Promise.reject(new Error("offline"))';

  test("two at once, of which the second waits for the first", () => {
    const results = runProgram(`${load}
      const inits = [1, 2].map((n) => outcome(() => init({ module: new Promise((_, reject) => setTimeout(reject, n, new Error("offline " + n))) })));
      const refused = await Promise.all(inits);
      ${settle}
      report([refused, (await init()).failed]);`);
    const error = { name: "Error", message: "offline 1" };
    expect(results).toEqual([[error, error], false]);
  });

  test.each([
    ["beside a wrong option", `{ module: ${offline}, deterministic: 1 }`, "ERR_INVALID_TYPE"],
    ["beside an option that there is not", `{ module: ${offline}, threads: 1 }`, "ERR_INVALID_TYPE"],
    ["where another runtime is there", `{ module: ${offline} }`, "ERR_ALREADY_INITIALIZED"],
  ])("%s", (_, options, code) => {
    const results = runProgram(`${load}
      await init();
      const refused = await outcome(() => init(${options}));
      ${settle}
      report([refused.code, Tensor.from([1]).item()]);`);
    expect(results).toEqual([code, 1]);
  });
});

test("two copies in one process: each has a runtime, and refuses the other's tensors wherever it takes one", () => {
  const results = runProgram(`
    import { createRequire } from "node:module";
    const require = createRequire(import.meta.url);
    const one = await import("${dist("index.js")}");
    const other = require(${JSON.stringify(join(root, "dist/index.cjs"))});
    const [runtime, otherRuntime] = await Promise.all([one.init({ deterministic: true }), other.init({ maximumMemory: 2 ** 24 })]);
    const own = one.Tensor.from([[1]]);
    const foreign = other.Tensor.from([[1]]);
    const layer = new one.Linear(1, 1);
    const bytes = () => [one.memoryUsage().bytesInUse, other.memoryUsage().bytesInUse];
    const before = bytes();
    const calls = [
      () => one.softmax(foreign),
      () => one.scaledDotProductAttention(own, own, own, { attnMask: foreign }),
      () => one.scaledDotProductAttention(own, own, own, { sinks: foreign }),
      () => one.embedding(foreign, own),
      () => one.keep(foreign),
      () => one.saveSafetensors({ foreign }),
      () => layer.forward(foreign),
      () => layer.loadStateDict({ weight: foreign, bias: foreign }),
      () => other.softmax(own),
    ];
    const codes = [];
    for (const call of calls) codes.push(await outcome(call));
    const after = bytes();
    runtime.dispose();
    report({
      copies: one.Tensor !== other.Tensor && runtime !== otherRuntime,
      codes: codes.map(({ name, code, message }) => [name, code, /copy of wasm-attention .* pass a copy, Tensor\\.from\\(tensor\\)$/.test(message)]),
      leaked: after.map((count, index) => count - before[index]),
      // The other one lives on.
      value: other.softmax(foreign).item(),
      ended: [own.disposed, foreign.disposed],
    });`);
  expect(results).toEqual({
    copies: true,
    codes: Array.from({ length: 9 }, () => ["TypeError", "ERR_FOREIGN_TENSOR", true]),
    leaked: [0, 0],
    value: 1,
    ended: [true, false],
  });
});

describe("a realm of its own that compiles no bytes", () => {
  /** The package's CommonJS, loaded in a context without code generation. */
  function loadIn(globals: object): typeof entry {
    const context = createContext(
      { ...globals, require: undefined },
      { codeGeneration: { strings: false, wasm: false } },
    );
    const loaded = new Map<string, object>();
    const loadFile = (path: string): object => {
      const known = loaded.get(path);
      if (known !== undefined) return known;
      const exports = {};
      loaded.set(path, exports);
      const wrapper = `(function (exports, require) {${readFileSync(path, "utf8")}\n})`;
      const evaluate = runInContext(wrapper, context, { filename: path }) as (
        exports: object,
        require: (name: string) => object,
      ) => void;
      evaluate(exports, (name) => loadFile(createRequire(path).resolve(name)));
      return exports;
    };
    return loadFile(join(root, "dist/index.cjs")) as typeof entry;
  }

  const module = new WebAssembly.Module(readFileSync(join(root, "ts/wasm/separate.wasm")));
  const needed = { atob, DecompressionStream };

  test("init says that no bytes are compiled", async () => {
    const { init } = loadIn(needed);
    await expect(init()).rejects.toMatchObject({
      name: "AttentionError",
      code: "ERR_CODE_GENERATION",
      message: "init: this host compiles no WebAssembly from bytes: pass a module that it compiled, init({ module })",
    });
  });

  test.each(["init", "initSync"] as const)(
    "%s takes a module of the realm outside, which is none of its own",
    async (name) => {
      const { [name]: start, Tensor, softmax, memoryUsage } = loadIn(needed);
      const runtime = await start({ module });
      expect(runtime.arithmetic).toBe("separate");
      const input = Tensor.from(new Float32Array([5, 5]));
      const output = softmax(input);
      expect(Array.from(output.toArray())).toEqual([0.5, 0.5]);
      input.dispose();
      output.dispose();
      expect(memoryUsage().bytesInUse).toBe(0);
      // Another realm's promises are awaited, and its classes are told by what they are.
      const { init } = loadIn(needed);
      expect((await init({ module: Promise.resolve(module) })).arithmetic).toBe("separate");
    },
  );

  test("a context without atob and DecompressionStream can't unpack", async () => {
    await expect(loadIn({}).init()).rejects.toMatchObject({ code: "ERR_NO_DECOMPRESSION" });
  });
});
