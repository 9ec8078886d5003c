/** What the entries besides the default one do; that they share one runtime, the test of the tarball shows. */
import { readFileSync } from "node:fs";
import { afterEach, describe, expect, test, vi } from "vitest";
import * as edgeLight from "../../ts/entry/edge-light.js";
import * as io from "../../ts/entry/io.js";
import * as nn from "../../ts/entry/nn.js";
import * as slimModuleOnly from "../../ts/entry/slim-module-only.js";
import * as slim from "../../ts/entry/slim.js";
import { mseLoss, SGD } from "../../ts/entry/train.js";
import * as workerd from "../../ts/entry/workerd.js";
import { hostFuses } from "../../ts/runtime/fusion-probe.js";
import { acceptsRelaxedSimd } from "../../ts/runtime/probes.js";
import { expectRejects, expectThrows } from "../support/expect-error.js";

// The modules that a host makes of the files; a host without relaxed SIMD could make none of the fused one.
const { modules } = await vi.hoisted(async () => {
  const { readFileSync } = await import("node:fs");
  const make = (name: string): WebAssembly.Module | undefined => {
    try {
      return new WebAssembly.Module(readFileSync(`ts/wasm/${name}.wasm`));
    } catch {
      return undefined;
    }
  };
  return { modules: { separate: make("separate"), fused: make("fused") } };
});
vi.mock("../../ts/wasm/separate.wasm", () => ({ default: modules.separate }));
vi.mock("../../ts/wasm/fused.wasm", () => ({ default: modules.fused }));
vi.mock("../../ts/wasm/separate.wasm?module", () => ({ default: modules.separate }));
vi.mock("../../ts/wasm/fused.wasm?module", () => ({ default: modules.fused }));

const separate = modules.separate as WebAssembly.Module;
const bytes = new Uint8Array(readFileSync("ts/wasm/separate.wasm"));
const MEBIBYTE = 2 ** 20;

let runtime: slim.Runtime | undefined;
afterEach(() => {
  runtime?.dispose();
  runtime = undefined;
  vi.restoreAllMocks();
});

describe.each([
  ["workerd", workerd],
  ["edge-light", edgeLight],
])("the entry for %s", (_, entry) => {
  test("brings both arithmetics and compiles nothing", async () => {
    const refuse = (): never => {
      throw new WebAssembly.CompileError("Wasm code generation disallowed by embedder");
    };
    vi.spyOn(WebAssembly, "compile").mockImplementation(refuse);
    vi.spyOn(WebAssembly, "Module").mockImplementation(refuse);
    runtime = await entry.init({ deterministic: true });
    expect(runtime.arithmetic).toBe("separate");
    expect(entry.softmax({ data: [5], shape: [1] }).toNested()).toEqual([1]);
    runtime.dispose();
    runtime = await entry.init();
    // What `hostFuses` would say, if it could compile its probe.
    expect(runtime.arithmetic).toBe(acceptsRelaxedSimd() ? "fused" : "separate");
  });

  test("has the same exports as the default one", async () => {
    expect(Object.keys(entry).sort()).toEqual(Object.keys(await import("../../ts/entry/default.js")).sort());
  });
});

test("slim with nn and io has the exports of the default entry, and the same ones", async () => {
  const { init, ...everything } = await import("../../ts/entry/default.js");
  const { init: ownInit, ...slimAlone } = slim;
  expect({ ...slimAlone, ...nn, ...io }).toEqual(everything);
  expect(ownInit).not.toBe(init);
  expect(Object.keys(slimModuleOnly).sort()).toEqual(Object.keys(slim).sort());
  const layers = [
    "Dropout",
    "Embedding",
    "LayerNorm",
    "Linear",
    "Module",
    "MultiheadAttention",
    "RMSNorm",
    "SelfAttention",
    "Transformer",
    "TransformerDecoder",
    "TransformerDecoderLayer",
    "TransformerEncoder",
    "TransformerEncoderLayer",
    "buffer",
    "initializeGpt",
    "parameter",
    "skipInit",
  ];
  expect(Object.keys(nn).sort()).toEqual(layers);
  expect(Object.keys(io).sort()).toEqual(["loadSafetensors", "saveSafetensors"]);
});

describe.each([
  ["workerd", workerd],
  ["edge-light", edgeLight],
  ["slim where modules alone are taken", slimModuleOnly],
])("%s", (_, entry) => {
  test.each<[unknown]>([[bytes], [new Response(bytes)], [null]])("takes a module only, not %o", async (module) => {
    const message = /^init: module: expected a WebAssembly\.Module, since this host makes none of bytes, got/;
    await expectRejects(entry.init({ module: module as WebAssembly.Module }), TypeError, "ERR_INVALID_TYPE", message);
  });

  test.each(["init", "initSync"] as const)("%s limits memory to 100 MiB, unless told otherwise", async (name) => {
    runtime = await entry[name]({ module: separate });
    const message = /^rand: out of memory: .* within maximumMemory, 104857600 bytes, or what the host allows$/;
    expectThrows(() => entry.rand([25 * MEBIBYTE]), RangeError, "ERR_OUT_OF_MEMORY", message);
    expect(await entry.init({ module: separate, maximumMemory: 100 * MEBIBYTE })).toBe(runtime);
    const other = { module: separate, maximumMemory: 128 * MEBIBYTE };
    await expectRejects(entry.init(other), entry.AttentionError, "ERR_ALREADY_INITIALIZED", /^init: maximumMemory: /);
    runtime.dispose();
    runtime = await entry[name](other);
    entry.rand([25 * MEBIBYTE]).dispose();
  });
});

test.each([
  ["workerd", workerd],
  ["edge-light", edgeLight],
  ["slim", slim],
  ["slim where modules alone are taken", slimModuleOnly],
])("one learns with %s", async (_, entry) => {
  runtime = await entry.init({ module: separate });
  const layer = new nn.Linear(1, 1, { bias: false });
  layer.loadStateDict({ weight: { data: [1], shape: [1, 1] } });
  const x = entry.Tensor.from([[2]]);
  mseLoss(layer.forward(x), { data: [4], shape: [1, 1] }).backward();
  // (2w - 4)², at w = 1.
  expect(layer.weight.grad?.toNested()).toEqual([[-8]]);
  new SGD(layer.parameters(), { lr: 0.5 }).step();
  expect(layer.forward(x).toNested()).toEqual([[10]]);
});

describe("slim", () => {
  test.each<[string, () => unknown]>([
    ["bytes", () => bytes],
    ["a Response", () => new Response(bytes)],
    ["a module", () => separate],
  ])("takes %s", async (_, make) => {
    runtime = await slim.init({ module: make() as WebAssembly.Module });
    expect(runtime.arithmetic).toBe("separate");
    // Without options it is as elsewhere: the runtime that there is.
    expect(await (slim.init as () => Promise<unknown>)()).toBe(runtime);
  });

  test("brings no module", async () => {
    const init = slim.init as () => Promise<unknown>;
    const message = /^init: module: expected a WebAssembly\.Module, its bytes, a Response, .* got undefined$/;
    await expectRejects(init(), TypeError, "ERR_INVALID_TYPE", message);
    const moduleOnly = slimModuleOnly.init as () => Promise<unknown>;
    await expectRejects(moduleOnly(), TypeError, "ERR_INVALID_TYPE", /since this host makes none of bytes, got undef/);
  });

  test.runIf(hostFuses())("runs the arithmetic of the module", async () => {
    runtime = await slim.init({ module: modules.fused as WebAssembly.Module });
    expect(runtime.arithmetic).toBe("fused");
  });
});
