import { readFileSync } from "node:fs";
import { runInNewContext } from "node:vm";
import { afterEach, describe, expect, test, vi } from "vitest";
import {
  AttentionError,
  type ErrorCode,
  init,
  initSync,
  memoryUsage,
  type Runtime,
  Tensor,
} from "../../ts/entry/default.js";
import { INTERFACE_HASH } from "../../ts/wasm/interface.js";
import { moduleFromSource } from "../../ts/runtime/compile.js";
import { hostFuses } from "../../ts/runtime/fusion-probe.js";
import { initialize } from "../../ts/runtime/instance.js";
import { acceptsRelaxedSimd } from "../../ts/runtime/probes.js";
import { expectRejects, expectThrows } from "../support/expect-error.js";
import { fakeBuild } from "../support/fake-build.js";

/** A copy in a buffer of its own. */
const read = (name: string): Uint8Array<ArrayBuffer> => new Uint8Array(readFileSync(`ts/wasm/${name}.wasm`));
const bytes = read("separate");

let runtime: Runtime | undefined;
afterEach(() => {
  runtime?.dispose();
  runtime = undefined;
  vi.restoreAllMocks();
});

function shared(): SharedArrayBuffer {
  const buffer = new SharedArrayBuffer(bytes.length);
  new Uint8Array(buffer).set(bytes);
  return buffer;
}

function padded(): Uint8Array {
  const whole = new Uint8Array(bytes.length + 20);
  whole.set(bytes, 10);
  return whole.subarray(10, 10 + bytes.length);
}

describe("a module may be", () => {
  test.each<[string, () => unknown]>([
    ["a WebAssembly.Module", () => new WebAssembly.Module(bytes)],
    ["one of another realm", () => runInNewContext("new WebAssembly.Module(bytes)", { bytes }) as unknown],
    ["a promise of another realm", () => runInNewContext("Promise.resolve(bytes)", { bytes }) as unknown],
    ["bytes of another realm", () => runInNewContext("Uint8Array.from(bytes)", { bytes: [...bytes] }) as unknown],
    [
      "a buffer of another realm",
      () => runInNewContext("Uint8Array.from(bytes).buffer", { bytes: [...bytes] }) as unknown,
    ],
    ["an ArrayBuffer", () => bytes.buffer],
    ["a SharedArrayBuffer", shared],
    ["a Uint8Array", () => bytes],
    ["a part of a buffer", padded],
    ["a Buffer", () => readFileSync("ts/wasm/separate.wasm")],
    ["a DataView", () => new DataView(bytes.buffer)],
    ["a Response", () => new Response(bytes, { headers: { "content-type": "text/plain" } })],
    ["a promise of a Response", () => Promise.resolve(new Response(bytes))],
    ["a promise of a module", () => WebAssembly.compile(bytes)],
  ])("%s", async (_, make) => {
    runtime = await init({ module: make() as WebAssembly.Module });
    expect(runtime.arithmetic).toBe("separate");
    expect(Tensor.from([1, 2]).toNested()).toEqual([1, 2]);
  });
});

test("shared bytes are copied, since hosts but Node compile no shared memory", async () => {
  const compile = vi.spyOn(WebAssembly, "compile");
  runtime = await init({ module: shared() });
  expect((compile.mock.calls[0][0] as Uint8Array).buffer).toBeInstanceOf(ArrayBuffer);
});

test("initSync takes a module of another realm", () => {
  const module = runInNewContext("new WebAssembly.Module(bytes)", { bytes }) as WebAssembly.Module;
  expect(module).not.toBeInstanceOf(WebAssembly.Module);
  runtime = initSync({ module });
  expect(Tensor.from([1, 2]).toNested()).toEqual([1, 2]);
});

test("initSync refuses a module of another version, and takes one of this afterwards", () => {
  const other = new WebAssembly.Module(fakeBuild({ interfaceHash: INTERFACE_HASH ^ 1 }));
  const message =
    /^initSync: module: expected a build with interface [\da-f]{8}, got one with [\da-f]{8}: take separate\.wasm/;
  expectThrows(() => initSync({ module: other }), AttentionError, "ERR_VERSION_MISMATCH", message);
  runtime = initSync({ module: new WebAssembly.Module(bytes) });
  expect(memoryUsage().bytesInUse).toBe(0);
});

describe("what is no module of ours is refused", () => {
  const wasm = [0x00, 0x61, 0x73, 0x6d];
  const detached = new Uint8Array(8);
  structuredClone(detached.buffer, { transfer: [detached.buffer] });
  const failing = new Response(
    new ReadableStream({
      pull() {
        throw new Error("connection lost");
      },
    }),
  );
  test.each<[string, unknown, ErrorCode, RegExp]>([
    ["no bytes", new Uint8Array(0), "ERR_INVALID_MODULE", /expected bytes of WebAssembly, .* got none$/],
    ["HTML", new TextEncoder().encode("<!doctype html>"), "ERR_INVALID_MODULE", /got 15 that start with 3c 21 64 6f$/],
    ["three bytes", new Uint8Array([0, 0x61, 0x73]), "ERR_INVALID_MODULE", /got 3 that start with 00 61 73$/],
    ["a truncated file", bytes.subarray(0, 1000), "ERR_INVALID_MODULE", /^init: module: not valid WebAssembly: /],
    ["an empty module", new Uint8Array([...wasm, 1, 0, 0, 0]), "ERR_INVALID_MODULE", /exports no interface_hash$/],
    ["a Response of status 404", new Response("no", { status: 404 }), "ERR_INVALID_MODULE", /has status 404$/],
    ["a Response that breaks", failing, "ERR_INVALID_MODULE", /the response's body can't be read$/],
    [
      "another version",
      fakeBuild({ interfaceHash: 0x99 }),
      "ERR_VERSION_MISMATCH",
      /with interface [\da-f]{8}, got one with 00000099: /,
    ],
    ["a host that doesn't fuse", fakeBuild({ arithmetic: "fused" }), "ERR_NO_FUSED_ARITHMETIC", /take separate\.wasm$/],
  ])("%s", async (_, module, code, message) => {
    const source = module as Uint8Array;
    await expectRejects(init({ module: source }), AttentionError, code, message);
    runtime = await init();
    expect(Tensor.from([1]).item()).toBe(1);
  });

  test("a module that imports what we don't have", async () => {
    // (module (import "a" "b" (func)))
    const foreign = [...wasm, 1, 0, 0, 0, 1, 4, 1, 0x60, 0, 0, 2, 7, 1, 1, 0x61, 1, 0x62, 0, 0];
    const module = new WebAssembly.Module(new Uint8Array(foreign));
    const message = /: module: not a build of wasm-attention: /;
    await expectRejects(init({ module }), AttentionError, "ERR_INVALID_MODULE", message);
    expectThrows(() => initSync({ module }), AttentionError, "ERR_INVALID_MODULE", message);
  });

  test.each<[unknown]>([["fused.wasm"], [3], [null], [{}], [detached], [detached.buffer], [Promise.resolve(1)]])(
    "another kind of thing: %o",
    async (module) => {
      const message = /^init: module: expected a WebAssembly\.Module, its bytes, a Response, or a promise of one, got/;
      await expectRejects(init({ module: module as ArrayBuffer }), TypeError, "ERR_INVALID_TYPE", message);
    },
  );

  test("a promise that rejects rejects with the same error", async () => {
    const error = new Error("offline");
    await expect(init({ module: Promise.reject(error) })).rejects.toBe(error);
    runtime = await init();
    expect(memoryUsage().bytesInUse).toBe(0);
  });
});

describe("arithmetic", () => {
  test.runIf(hostFuses())("is that of the module", async () => {
    runtime = await init({ module: read("fused") });
    expect(runtime.arithmetic).toBe("fused");
  });

  test.runIf(acceptsRelaxedSimd())("a fused module is not deterministic", async () => {
    const message =
      /^init: module: expected a build with separate arithmetic, since deterministic is true, got "fused"$/;
    const options = { module: read("fused"), deterministic: true };
    await expectRejects(init(options), RangeError, "ERR_INVALID_VALUE", message);
  });

  test("a fused module on a host without relaxed SIMD: the error says why", async () => {
    vi.spyOn(WebAssembly, "compile").mockRejectedValue(new WebAssembly.CompileError("invalid opcode 0xfd105"));
    const validate = WebAssembly.validate;
    vi.spyOn(WebAssembly, "validate").mockImplementation((module) => module.byteLength < 40 && validate(module));
    const message = /invalid opcode 0xfd105; this host has no relaxed SIMD, so fused\.wasm can't run on it$/;
    await expectRejects(init({ module: bytes }), AttentionError, "ERR_INVALID_MODULE", message);
  });

  test("an entry that can't tell beforehand finds out that the host doesn't fuse", async () => {
    const asked: string[] = [];
    runtime = await initialize({
      maximumMemory: 2 ** 32,
      fuses: () => true,
      load: (arithmetic) => {
        asked.push(arithmetic);
        return WebAssembly.compile(arithmetic === "fused" ? fakeBuild({ arithmetic: "fused" }) : bytes);
      },
      fromSource: moduleFromSource,
    });
    expect(asked).toEqual(["fused", "separate"]);
    expect(runtime.arithmetic).toBe("separate");
  });
});
