/**
 * What `dispose` gives back: the caller may keep the runtime, tensors, layers and errors, but none of them keeps the
 * instance, whose memory the host takes back only when nothing reaches it any more.
 */
import { readFileSync } from "node:fs";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, test } from "vitest";
import {
  AttentionError,
  init,
  type InitOptions,
  initSync,
  type InitSyncOptions,
  Linear,
  memoryUsage,
  MultiheadAttention,
  randn,
  type Runtime,
  scope,
  softmax,
  Tensor,
} from "../../ts/entry/default.js";
import { expectError } from "../support/expect-error.js";
import { fakeBuild } from "../support/fake-build.js";

const MEBIBYTE = 2 ** 20;
const bytes = readFileSync("ts/wasm/separate.wasm");
const module = new WebAssembly.Module(bytes);

/** Whether the collector took something. */
async function isCollected(reference: WeakRef<object>): Promise<boolean> {
  setFlagsFromString("--expose-gc");
  const collectGarbage = runInNewContext("gc") as () => void;
  for (let attempt = 0; attempt < 5 && reference.deref() !== undefined; attempt += 1) {
    // What was looked at lives at least until the current task ends.
    await new Promise((resolve) => setTimeout(resolve));
    collectGarbage();
  }
  return reference.deref() === undefined;
}

function errorOf(call: () => unknown): unknown {
  try {
    call();
  } catch (error) {
    return error;
  }
  throw new Error("nothing was thrown");
}

/** All kinds of things that a caller may still hold, and the memory that they belonged to. */
function use(): { kept: unknown[]; memory: WeakRef<object> } {
  const large = Tensor.from(new Float32Array((256 * MEBIBYTE) / 4));
  const linear = new Linear(4, 4);
  const attention = new MultiheadAttention(8, 2);
  const input = randn([1, 3, 8]);
  const { output } = attention.forward(input, input, input);
  const kept = [
    large,
    large.reshape([2, -1]),
    linear,
    linear.stateDict(),
    attention,
    output,
    scope(() => softmax(input)),
    errorOf(() => Tensor.from(new Float32Array(2 ** 29))),
    errorOf(() => linear.forward(input)),
    errorOf(() => softmax({ data: [1], shape: [2] })),
  ];
  return { kept, memory: new WeakRef(large.view().buffer) };
}

test.each<[string, () => Runtime | Promise<Runtime>]>([
  ["init()", () => init()],
  ["init({ deterministic })", () => init({ deterministic: true } satisfies InitOptions)],
  ["init({ module }) of bytes", () => init({ module: bytes })],
  ["initSync", () => initSync({ module } satisfies InitSyncOptions)],
])("after %s, the memory goes although everything that was made is kept", async (_, start) => {
  const runtime = await start();
  const { kept, memory } = use();
  const { arithmetic, threads, version } = runtime;
  expect(await isCollected(memory)).toBe(false);
  runtime.dispose();
  expect(await isCollected(memory)).toBe(true);
  expect(runtime).toMatchObject({ arithmetic, threads, version, failed: false });
  expect((kept[0] as Tensor).disposed).toBe(true);
});

test("the memory of a runtime that failed goes when another takes its place, although its errors are kept", async () => {
  // The build's own trap, since an error remembers the instances that it came through.
  const failed = await init({ module: fakeBuild({ functions: { bytes_in_use: "(unreachable)" } }) });
  const errors: unknown[] = [];
  const fail = (): WeakRef<object> => {
    const memory = new WeakRef<object>(Tensor.from([1]).view().buffer);
    errors.push(
      errorOf(memoryUsage),
      errorOf(() => Tensor.from([1])),
    );
    return memory;
  };
  const memory = fail();
  expect(await isCollected(memory)).toBe(false);
  const runtime = await init();
  try {
    expect(await isCollected(memory)).toBe(true);
    expect([failed.failed, runtime.failed]).toEqual([true, false]);
    for (const error of errors) expectError(error, AttentionError, "ERR_RUNTIME_FAILED", /runtime/);
    expect((errors[0] as AttentionError).cause).toMatchObject({
      stack: expect.stringMatching(/unreachable/) as string,
    });
  } finally {
    runtime.dispose();
  }
  expect(failed.failed).toBe(true);
});
