import { afterEach, expect, test } from "vitest";
import { AttentionError, init, keep, memoryUsage, type Runtime, scope, Tensor } from "../../ts/entry/default.js";
import { runCall } from "../../ts/ops/call.js";
import { expectThrows } from "../support/expect-error.js";
import { fakeBuild } from "../support/fake-build.js";

let runtime: Runtime | undefined;
afterEach(() => {
  runtime?.dispose();
  runtime = undefined;
});

test("a trap in a kernel marks the runtime as failed, until init makes a new one", async () => {
  const failed = await init();
  const tensor = Tensor.from([1]);
  const trap = new WebAssembly.Instance(new WebAssembly.Module(fakeBuild({ functions: { trap: "(unreachable)" } })))
    .exports.trap as () => number;

  let output: Tensor | undefined;
  const call = (): unknown =>
    runCall("op", (running) => {
      running.temporary(64);
      output = running.output([4], "float32");
      running.kernel(trap);
    });
  const error = expectThrows(
    call,
    AttentionError,
    "ERR_RUNTIME_FAILED",
    /^op: a kernel failed, which is a bug of wasm-att/,
  );
  expect((error as AttentionError).cause).toBeInstanceOf(WebAssembly.RuntimeError);
  expect(failed.failed).toBe(true);
  expect(output?.disposed).toBe(true);

  const uses: Record<string, () => unknown> = {
    memoryUsage,
    "Tensor.from": () => Tensor.from([2]),
    "Tensor.toArray": () => tensor.toArray(),
    "Tensor.view": () => tensor.view(),
    "Tensor.reshape": () => tensor.reshape([1, 1]),
    op: call,
  };
  for (const [name, use] of Object.entries(uses)) {
    const message = new RegExp(`^${name}: the runtime has failed in an earlier call; init\\(\\) makes a new one$`);
    expect((expectThrows(use, AttentionError, "ERR_RUNTIME_FAILED", message) as AttentionError).cause).toBe(error);
  }
  expect(String(tensor)).toBe("Tensor float32 [1] (disposed)");

  // Options don't contradict a runtime that is of no use.
  runtime = await init({ deterministic: true });
  expect(runtime).not.toBe(failed);
  expect(runtime.failed).toBe(false);
  expect(failed.failed).toBe(true);
  expectThrows(
    () => tensor.toArray(),
    TypeError,
    "ERR_DISPOSED",
    /belongs to a runtime that has been disposed or replaced/,
  );
  const fresh = Tensor.from([3]);
  tensor.dispose();
  failed.dispose();
  expect(fresh.item()).toBe(3);
  fresh.dispose();
  expect(memoryUsage().bytesInUse).toBe(0);
});

test("a trap of the build's own is one, wherever it happens", async () => {
  const failed = await init({ module: fakeBuild({ functions: { bytes_in_use: "(unreachable)" } }) });
  expectThrows(
    () => memoryUsage(),
    AttentionError,
    "ERR_RUNTIME_FAILED",
    /^memoryUsage: a kernel failed.*: unreachable; /,
  );
  expect(failed.failed).toBe(true);
  failed.dispose();
  expectThrows(() => memoryUsage(), AttentionError, "ERR_NOT_INITIALIZED", /^memoryUsage: /);
});

test("tensors can still be disposed, and scopes left", async () => {
  runtime = await init();
  const kept: Tensor[] = [];
  const failure = expectThrows(
    () =>
      scope(() => {
        kept.push(keep(Tensor.from([1])));
        Tensor.from([2]);
        runCall("op", (call) =>
          call.kernel(() => {
            throw new RangeError("Maximum call stack size exceeded");
          }),
        );
      }),
    AttentionError,
    "ERR_RUNTIME_FAILED",
    /^op: a kernel failed.*Maximum call stack/,
  );
  expect(failure).toBeInstanceOf(AttentionError);
  kept[0].dispose();
  expect(kept[0].disposed).toBe(true);
});
