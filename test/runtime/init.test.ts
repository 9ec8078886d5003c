import { readFileSync } from "node:fs";
import { runInNewContext } from "node:vm";
import { afterEach, describe, expect, test, vi } from "vitest";
import {
  AttentionError,
  init,
  type InitOptions,
  initSync,
  type InitSyncOptions,
  memoryUsage,
  type Runtime,
  Tensor,
} from "../../ts/entry/default.js";
import { runCall } from "../../ts/ops/call.js";
import { hostFuses } from "../../ts/runtime/fusion-probe.js";
import { expectRejects, expectThrows } from "../support/expect-error.js";

const separate = new WebAssembly.Module(readFileSync("ts/wasm/separate.wasm"));

let runtime: Runtime | undefined;
afterEach(() => {
  runtime?.dispose();
  runtime = undefined;
  vi.restoreAllMocks();
});

test("before init everything says that it is missing", () => {
  const message = (name: string): RegExp => new RegExp(`^${name}: .*: await init\\(\\) first$`);
  expectThrows(() => memoryUsage(), AttentionError, "ERR_NOT_INITIALIZED", message("memoryUsage"));
  expectThrows(() => Tensor.from([1]), AttentionError, "ERR_NOT_INITIALIZED", message("Tensor.from"));
  expectThrows(() => runCall("op", () => 1), AttentionError, "ERR_NOT_INITIALIZED", message("op"));
});

describe("init", () => {
  test("describes the runtime", async () => {
    runtime = await init();
    const { version } = JSON.parse(readFileSync("package.json", "utf8")) as { version: string };
    expect({ ...runtime }).toMatchObject({
      arithmetic: hostFuses() ? "fused" : "separate",
      threads: 1,
      version,
      failed: false,
    });
    expect(() => Object.assign(runtime as Runtime, { threads: 2 })).toThrow(TypeError);
  });

  test("takes separate arithmetic when it has to be deterministic", async () => {
    runtime = await init({ deterministic: true });
    expect(runtime.arithmetic).toBe("separate");
  });

  test("twice at once makes one runtime", async () => {
    const compile = vi.spyOn(WebAssembly, "compile");
    const runtimes = await Promise.all([init(), init({}), init({ deterministic: false }), init()]);
    runtime = runtimes[0];
    expect(new Set(runtimes).size).toBe(1);
    expect(compile).toHaveBeenCalledTimes(1);
  });

  test("twice at once shares an error, after which it can be called again", async () => {
    const broken = new Uint8Array([1, 2, 3, 4]);
    const results = await Promise.allSettled([init({ module: broken }), init(), init({ deterministic: true })]);
    const reasons = results.map((result): unknown => (result.status === "rejected" ? result.reason : undefined));
    expect(reasons[0]).toBeInstanceOf(AttentionError);
    expect(new Set(reasons).size).toBe(1);
    runtime = await init();
    expect(runtime.failed).toBe(false);
  });

  test("whoever waits for another's options may find that they contradict", async () => {
    const [first, second] = await Promise.allSettled([init({ deterministic: true }), init({ deterministic: false })]);
    expect(first.status).toBe("fulfilled");
    runtime = (first as PromiseFulfilledResult<Runtime>).value;
    expect(second).toMatchObject({ status: "rejected", reason: { code: "ERR_ALREADY_INITIALIZED" } });
  });

  test("again returns the same runtime, as long as nothing contradicts it", async () => {
    runtime = await init({ deterministic: true, maximumMemory: 2 ** 24 });
    const same: InitOptions[] = [
      {},
      { deterministic: true },
      { maximumMemory: 2 ** 24 },
      { maximumMemory: undefined, module: undefined, deterministic: undefined },
    ];
    for (const options of same) expect(await init(options)).toBe(runtime);
    const contradictions: [keyof InitOptions, InitOptions][] = [
      ["deterministic", { deterministic: false }],
      ["maximumMemory", { maximumMemory: 2 ** 25 }],
      ["module", { deterministic: true, module: separate }],
    ];
    for (const [name, options] of contradictions) {
      const message = new RegExp(
        `^init: ${name}: there is a runtime already, with another value; .* runtime\\.dispose`,
      );
      await expectRejects(init(options), AttentionError, "ERR_ALREADY_INITIALIZED", message);
    }
    expect(await init()).toBe(runtime);
  });

  test("deterministic: true doesn't contradict separate arithmetic that was chosen for another reason", async () => {
    runtime = await init({ module: separate });
    expect(await init({ deterministic: true })).toBe(runtime);
    expect(await init({ deterministic: false, module: separate })).toBe(runtime);
    expect(await init({ maximumMemory: 2 ** 32 })).toBe(runtime);
  });

  test.runIf(hostFuses())("deterministic: true contradicts fused arithmetic", async () => {
    runtime = await init();
    await expectRejects(
      init({ deterministic: true }),
      AttentionError,
      "ERR_ALREADY_INITIALIZED",
      /^init: deterministic:/,
    );
  });

  test.each<[unknown, RegExp]>([
    [{ determinstic: true }, /^init: options: unknown option "determinstic"; did you mean deterministic\?$/],
    [{ threads: 4 }, /^init: options: unknown option "threads"; the options are deterministic, maximumMemory, module$/],
    [{ deterministic: 1 }, /^init: deterministic: expected a boolean, got 1$/],
    [{ maximumMemory: "1 GiB" }, /^init: maximumMemory: expected an integer from .*, got "1 GiB"$/],
    [{ maximumMemory: null }, /^init: maximumMemory: expected an integer/],
    [null, /^init: options: expected an object, got null$/],
    ["fast", /^init: options: expected an object, got "fast"$/],
  ])("refuses the options %o", async (options, message) => {
    await expectRejects(init(options as InitOptions), TypeError, "ERR_INVALID_TYPE", message);
    expectThrows(() => memoryUsage(), AttentionError, "ERR_NOT_INITIALIZED", /memoryUsage/);
  });
});

describe("options that are unusual objects", () => {
  const options: InitOptions = { deterministic: true, maximumMemory: 2 ** 24 };
  test.each<[string, InitOptions]>([
    ["frozen", Object.freeze({ ...options })],
    ["without a prototype", Object.assign(Object.create(null) as object, options)],
    ["a proxy", new Proxy({ ...options }, {})],
    ["of another realm", runInNewContext("({ deterministic: true, maximumMemory: 2 ** 24 })") as InitOptions],
  ])("%s", async (_, unusual) => {
    runtime = await init(unusual);
    expect(await init(options)).toBe(runtime);
    runtime.dispose();
    runtime = initSync(Object.freeze({ ...options, module: separate }));
    expect(runtime.arithmetic).toBe("separate");
  });

  test.each<[string, ProxyHandler<object>]>([
    ["reading", { get: refuse }],
    ["listing", { ownKeys: refuse }],
  ])("%s them throws: that error, and init can be called again", async (_, handler) => {
    await expect(init(new Proxy({}, handler))).rejects.toThrow("no entry");
    expect(() => initSync(new Proxy<InitSyncOptions>({ module: separate }, handler))).toThrow("no entry");
    runtime = await init();
  });
  function refuse(): never {
    throw new Error("no entry");
  }
});

describe("dispose", () => {
  test("while an init is under way ends what there was, not what comes", async () => {
    const failed = await init();
    expect(() => runCall("op", (call) => call.kernel(refuse))).toThrow("a kernel failed");
    const starting = init({ deterministic: true });
    failed.dispose();
    runtime = await starting;
    expect(runtime).not.toBe(failed);
    expect(Tensor.from([1]).item()).toBe(1);
    function refuse(): never {
      throw new WebAssembly.RuntimeError("unreachable");
    }
  });

  test("after an init that gave the same runtime ends it for both", async () => {
    const first = await init();
    const again = init();
    first.dispose();
    expect(await again).toBe(first);
    expectThrows(() => memoryUsage(), AttentionError, "ERR_NOT_INITIALIZED", /the runtime has been disposed/);
    const [one, two] = await Promise.all([init(), init()]);
    runtime = one;
    expect(two).toBe(one);
    expect(one).not.toBe(first);
  });

  test("ends the runtime; init makes another one", async () => {
    const first = await init();
    Tensor.from([1]);
    first.dispose();
    expectThrows(
      () => memoryUsage(),
      AttentionError,
      "ERR_NOT_INITIALIZED",
      /^memoryUsage: the runtime has been disposed: await init\(\) first$/,
    );
    runtime = await init({ deterministic: true });
    expect(runtime).not.toBe(first);
    expect(runtime.arithmetic).toBe("separate");
    expect(memoryUsage().bytesInUse).toBe(0);
    // The first one is no more: its dispose doesn't end the second.
    first.dispose();
    expect(memoryUsage().bytesInUse).toBe(0);
  });
});

describe("initSync", () => {
  test("makes a runtime from a module at once", async () => {
    runtime = initSync({ module: separate });
    expect(runtime.arithmetic).toBe("separate");
    expect(Tensor.from([1, 2]).toNested()).toEqual([1, 2]);
    expect(initSync({ module: separate, deterministic: true })).toBe(runtime);
    expect(await init()).toBe(runtime);
    const other = new WebAssembly.Module(readFileSync("ts/wasm/separate.wasm"));
    const message = /^initSync: module: there is a runtime already/;
    expectThrows(() => initSync({ module: other }), AttentionError, "ERR_ALREADY_INITIALIZED", message);
  });

  test.each<[unknown]>([
    [undefined],
    [{}],
    [{ module: new Uint8Array(8) }],
    [{ module: Promise.resolve(separate) }],
    [{ module: "separate.wasm" }],
  ])("takes a module only, not %o", (options) => {
    const message = /^initSync: module: expected a WebAssembly\.Module \(init takes other forms too\), got/;
    expectThrows(() => initSync(options as InitSyncOptions), TypeError, "ERR_INVALID_TYPE", message);
  });

  test("checks its options", () => {
    const options = { module: separate, maximumMemory: 3 };
    expectThrows(() => initSync(options), RangeError, "ERR_INVALID_VALUE", /^initSync: maximumMemory: expected/);
  });

  test("does not overtake an init that is under way", async () => {
    const starting = init();
    const message = /^initSync: an init is under way/;
    expectThrows(() => initSync({ module: separate }), AttentionError, "ERR_ALREADY_INITIALIZED", message);
    runtime = await starting;
  });
});
