/** docs/errors.md lists every code of ts/errors.ts with its class and with a message that the package really gives. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, it, vi } from "vitest";
import {
  embedding,
  type ErrorCode,
  init,
  Linear,
  loadSafetensors,
  Module,
  type Runtime,
  saveSafetensors,
  scaledDotProductAttention,
  softmax,
  Tensor,
} from "../../ts/entry/default.js";
import { loadLora } from "../../ts/entry/nn.js";
import { crossEntropy, fit, SGD } from "../../ts/entry/train.js";
import { runCall } from "../../ts/ops/call.js";
import { INTERFACE_HASH } from "../../ts/wasm/interface.js";
import { version } from "../../ts/version.js";
import { fakeBuild } from "../support/fake-build.js";

const root = fileURLToPath(new URL("../../", import.meta.url));
const page = readFileSync(`${root}/docs/errors.md`, "utf8");
const source = readFileSync(`${root}/ts/errors.ts`, "utf8");

const codesIn = (text: string, pattern: RegExp): string[] => [...text.matchAll(pattern)].map(([, code]) => code);
const union = /export type ErrorCode =(.*?);\n\n/s.exec(source)?.[1] ?? "";
/** The class that the type's comments say, by code. */
const classes = new Map(
  [...union.matchAll(/\/\*\* (\w+): [^/]*\*\/\n\s+\| "(\w+)"/g)].map(([, name, code]) => [code, name]),
);

const zeros = (...shape: number[]): { data: Float32Array; shape: number[] } => ({
  data: new Float32Array(shape.reduce((product, size) => product * size, 1)),
  shape,
});

function refuseToCompile(text: string): void {
  vi.spyOn(WebAssembly, "compile").mockRejectedValue(new WebAssembly.CompileError(text));
}

/** The page's example of each code. */
const examples: Record<ErrorCode, () => unknown> = {
  async ERR_INVALID_TYPE() {
    await init();
    const x = zeros(4, 6);
    return scaledDotProductAttention(x, x, x, { is_causal: true } as object);
  },
  async ERR_INVALID_VALUE() {
    await init();
    return embedding(Int32Array.of(12), zeros(10, 4));
  },
  async ERR_SHAPE() {
    await init();
    return scaledDotProductAttention(zeros(2, 3, 4, 64), zeros(2, 3, 5, 32), zeros(2, 3, 5, 32));
  },
  async ERR_OUT_OF_MEMORY() {
    await init({ maximumMemory: 4 * 2 ** 20 });
    return Tensor.from(new Float32Array(2 ** 21));
  },
  async ERR_DISPOSED() {
    await init();
    const tensor = Tensor.from([1, 2, 3, 4]);
    tensor.dispose();
    return softmax(tensor);
  },
  async ERR_FOREIGN_TENSOR() {
    await init();
    const other = createRequire(import.meta.url)("../../dist/index.cjs") as {
      init: typeof init;
      Tensor: typeof Tensor;
    };
    const otherRuntime = await other.init();
    try {
      return softmax(other.Tensor.from([1, 2]));
    } finally {
      otherRuntime.dispose();
    }
  },
  // A fresh copy of the package, in which nothing has happened yet.
  async ERR_NOT_INITIALIZED() {
    vi.resetModules();
    const fresh = await import("../../ts/entry/default.js");
    return fresh.softmax(zeros(3));
  },
  async ERR_ALREADY_INITIALIZED() {
    await init();
    return init({ maximumMemory: 64 * 2 ** 20 });
  },
  async ERR_RUNTIME_FAILED() {
    await init();
    const trap = (): number => {
      throw new WebAssembly.RuntimeError("unreachable");
    };
    expect(() => runCall("softmax", (call) => call.kernel(trap))).toThrow("a kernel failed");
    return softmax(zeros(3));
  },
  ERR_NO_WEBASSEMBLY() {
    vi.stubGlobal("WebAssembly", undefined);
    return init();
  },
  ERR_NO_SIMD() {
    vi.spyOn(WebAssembly, "validate").mockReturnValue(false);
    return init();
  },
  ERR_NO_FUSED_ARITHMETIC: () => init({ module: fakeBuild({ arithmetic: "fused" }) }),
  ERR_BLOCKED_BY_CSP() {
    refuseToCompile("call to WebAssembly.compile() blocked by CSP");
    return init();
  },
  ERR_CODE_GENERATION() {
    refuseToCompile("WebAssembly.compile(): Wasm code generation disallowed by embedder");
    return init();
  },
  ERR_NO_DECOMPRESSION() {
    vi.spyOn(process, "getBuiltinModule").mockReturnValue(undefined);
    vi.stubGlobal("DecompressionStream", undefined);
    Reflect.deleteProperty(globalThis, "DecompressionStream");
    return init();
  },
  ERR_INVALID_MODULE: () => init({ module: new TextEncoder().encode("<!doctype html>") }),
  ERR_VERSION_MISMATCH: () => init({ module: fakeBuild({ interfaceHash: 1 }) }),
  async ERR_ADAPTER() {
    await init();
    class Model extends Module {
      head = new Linear(2, 1);
    }
    loadLora(new Model(), {
      "adapter_config.json": '{ "peft_type": "LORA", "r": 1, "target_modules": ["head"], "use_dora": true }',
      "adapter_model.safetensors": saveSafetensors({ "base_model.model.head.lora_B.weight": zeros(1, 1) }),
    });
  },
  ERR_SAFETENSORS: () => loadSafetensors(Uint8Array.of(100, 0, 0, 0, 0, 0, 0, 0, 123)),
  async ERR_TRAINING_STATE() {
    await init();
    const model = new Linear(1, 2);
    const options = { loss: crossEntropy, optimizer: new SGD(model.parameters()) };
    const data = { inputs: [[0.5]], targets: [1] };
    let trainingState: Uint8Array | undefined;
    await fit(model, data, {
      ...options,
      batchSize: 8,
      onEpoch: (event) => void (trainingState = event.saveTrainingState()),
    });
    await fit(model, data, { ...options, batchSize: 4, trainingState });
  },
  async ERR_NOT_FINITE() {
    await init();
    const model = new Linear(1, 2);
    await fit(model, { inputs: [[NaN]], targets: [1] }, { loss: crossEntropy, optimizer: new SGD(model.parameters()) });
  },
};

afterEach(async () => {
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
  // Whichever runtime there is: an init that asks for nothing contradicts none.
  const runtime: Runtime = await init();
  runtime.dispose();
});

describe("docs/errors.md", () => {
  const codes = codesIn(union, /"(ERR_\w+)"/g);

  it("has exactly the codes of the type, once in the table and once as a heading, in its order", () => {
    expect(codes.length).toBeGreaterThan(10);
    expect([...classes.keys()]).toEqual(codes);
    expect(codesIn(page, /^\| \[`(ERR_\w+)`\]/gm)).toEqual(codes);
    expect(codesIn(page, /^### (ERR_\w+)$/gm)).toEqual(codes);
    for (const code of codesIn(page, /(ERR_[A-Z_]+)/g)) expect(codes).toContain(code);
  });

  it.each(Object.entries(examples))("%s has a class and a message that come true", async (code, example) => {
    const [, heading, className] =
      /^\| \[`(\w+)`\]\(#\w+\) \| (\w+) \|/m.exec(page.slice(page.indexOf(`| [\`${code}\``))) ?? [];
    expect(heading).toBe(code);
    expect(className).toBe(classes.get(code));
    const [, message] = /```text\n(.*?)\n```/s.exec(page.slice(page.indexOf(`\n### ${code}\n`))) ?? [];

    const error: unknown = await Promise.resolve()
      .then(example)
      .then(
        () => undefined,
        (reason: unknown) => reason,
      );
    const filled = message
      .replace("X.Y.Z", version)
      .replace("interface N", `interface ${INTERFACE_HASH.toString(16).padStart(8, "0")}`);
    expect(error).toMatchObject({ name: className, code, message: filled });
  });
});
