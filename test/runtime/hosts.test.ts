import { deflateSync } from "node:zlib";
import { afterEach, describe, expect, test, vi } from "vitest";
import { AttentionError, type ErrorCode, init, type Runtime, Tensor } from "../../ts/entry/default.js";
import { bytesFromBase64 } from "../../ts/entry/base64.js";
import { inflate } from "../../ts/entry/inflate.js";
import { hostFuses } from "../../ts/runtime/fusion-probe.js";
import { expectRejects } from "../support/expect-error.js";

let runtime: Runtime | undefined;
afterEach(() => {
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
  runtime?.dispose();
  runtime = undefined;
});

describe("what the host lacks is said", () => {
  test("WebAssembly", async () => {
    vi.stubGlobal("WebAssembly", undefined);
    await expectRejects(init(), AttentionError, "ERR_NO_WEBASSEMBLY", /^init: this host has no WebAssembly/);
  });

  test("SIMD", async () => {
    vi.spyOn(WebAssembly, "validate").mockReturnValue(false);
    await expectRejects(init(), AttentionError, "ERR_NO_SIMD", /^init: this host's WebAssembly has no SIMD/);
  });

  test.each<[string, ErrorCode, RegExp, string]>([
    [
      "Chromium's policy",
      "ERR_BLOCKED_BY_CSP",
      /add 'wasm-unsafe-eval' to its script-src$/,
      "WebAssembly.compile(): Compiling or instantiating WebAssembly module violates the following Content Security " +
        "policy directive because neither 'wasm-eval' nor 'unsafe-eval' is an allowed source of script",
    ],
    [
      "Firefox's policy",
      "ERR_BLOCKED_BY_CSP",
      /add 'wasm-unsafe-eval' to its script-src$/,
      "call to WebAssembly.compile() blocked by CSP",
    ],
    [
      "WebKit's policy",
      "ERR_BLOCKED_BY_CSP",
      /add 'wasm-unsafe-eval' to its script-src$/,
      "Refused to create a WebAssembly object because 'unsafe-eval' or 'wasm-unsafe-eval' is not an allowed source",
    ],
    [
      "an edge host",
      "ERR_CODE_GENERATION",
      /pass a module that it compiled, init\(\{ module \}\)$/,
      "WebAssembly.compile(): Wasm code generation disallowed by embedder",
    ],
  ])("compiling: %s", async (_, code, message, text) => {
    const cause = new WebAssembly.CompileError(text);
    vi.spyOn(WebAssembly, "compile").mockRejectedValue(cause);
    const error = await expectRejects(init(), AttentionError, code, message);
    expect((error as AttentionError).cause).toBe(cause);
    vi.restoreAllMocks();
    runtime = await init();
  });

  test("instantiating: WebKit's policy, where compiling isn't refused", async () => {
    const cause = new WebAssembly.CompileError(
      "Refused to create a WebAssembly object because 'unsafe-eval' or 'wasm-unsafe-eval' is not an allowed source of " +
        "script in the following Content Security Policy directive: \"script-src 'self'\".",
    );
    vi.spyOn(WebAssembly, "Instance").mockImplementation(function () {
      throw cause;
    });
    const message = /^init: .*add 'wasm-unsafe-eval' to its script-src$/;
    const error = await expectRejects(init(), AttentionError, "ERR_BLOCKED_BY_CSP", message);
    expect((error as AttentionError).cause).toBe(cause);
    vi.restoreAllMocks();
    runtime = await init();
  });

  test("compiling even the probe: init goes on to say why", async () => {
    const forbidden = new WebAssembly.CompileError("Wasm code generation disallowed by embedder");
    vi.spyOn(WebAssembly, "Module").mockImplementation(function () {
      throw forbidden;
    });
    vi.spyOn(WebAssembly, "compile").mockRejectedValue(forbidden);
    expect(hostFuses()).toBe(false);
    await expectRejects(init(), AttentionError, "ERR_CODE_GENERATION", /^init: this host compiles no WebAssembly/);
  });

  test("a way to unpack", async () => {
    vi.spyOn(process, "getBuiltinModule").mockReturnValue(undefined);
    vi.stubGlobal("DecompressionStream", undefined);
    const message =
      /^init: this host can't unpack the module: DecompressionStream is not .*: pass one, init\(\{ module \}\)$/;
    await expectRejects(init(), AttentionError, "ERR_NO_DECOMPRESSION", message);
  });
});

describe("unpacking", () => {
  const text = "attention ".repeat(10_000);
  const packed = new Uint8Array(deflateSync(text));

  test.each(["zlib", "DecompressionStream"])("by %s", async (by) => {
    if (by !== "zlib") vi.spyOn(process, "getBuiltinModule").mockReturnValue(undefined);
    expect(new TextDecoder().decode(await inflate(packed))).toBe(text);
    // An error is an error of the call alone: a rejection that nobody handles would be reported.
    await expect(inflate(packed.subarray(0, 50))).rejects.toThrow();
    await expect(inflate(new Uint8Array(50))).rejects.toThrow();
    await new Promise((resolve) => setTimeout(resolve, 0));
  });

  test("makes a runtime without Node's zlib too", async () => {
    vi.spyOn(process, "getBuiltinModule").mockReturnValue(undefined);
    runtime = await init();
    expect(Tensor.from([1]).item()).toBe(1);
  });
});

describe("base64", () => {
  const bytes = Uint8Array.from({ length: 256 }, (_, index) => index);
  const text = Buffer.from(bytes).toString("base64");

  test("is read by the host's own function, or without", () => {
    const native = vi.fn(() => bytes);
    vi.stubGlobal("Uint8Array", Object.assign(class extends Uint8Array {}, { fromBase64: native }));
    expect(bytesFromBase64(text)).toBe(bytes);
    expect(native).toHaveBeenCalledWith(text);
    vi.stubGlobal("Uint8Array", Object.assign(class extends Uint8Array {}, { fromBase64: undefined }));
    expect([...bytesFromBase64(text)]).toEqual([...bytes]);
  });
});
