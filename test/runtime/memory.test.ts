import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  AttentionError,
  type DType,
  init,
  memoryUsage,
  rotaryEmbedding,
  type Runtime,
  scope,
  Tensor,
} from "../../ts/entry/default.js";
import { float32View, uint32View } from "../../ts/runtime/memory.js";
import { createTensor } from "../../ts/tensor/tensor.js";
import { forEachArithmetic } from "../support/arithmetics.js";
import { expectError, expectRejects, expectThrows } from "../support/expect-error.js";

/** Runs the collector, which only a flag makes callable. */
function collectGarbage(): void {
  setFlagsFromString("--expose-gc");
  (runInNewContext("gc") as () => void)();
}

const MEBIBYTE = 2 ** 20;
const GIBIBYTE = 2 ** 30;

forEachArithmetic(() => {
  test("memoryUsage tells bytes in use, reserved and the peak", () => {
    const before = memoryUsage();
    expect(before.bytesReserved % 65536).toBe(0);
    const tensor = Tensor.from(new Float32Array(1000));
    const during = memoryUsage();
    expect(during.bytesInUse - before.bytesInUse).toBe(4000);
    expect(during.bytesPeak).toBeGreaterThanOrEqual(during.bytesInUse);
    tensor.dispose();
    const after = memoryUsage();
    expect(after.bytesInUse).toBe(before.bytesInUse);
    expect(after.bytesPeak).toBe(during.bytesPeak);
    expect(after.bytesReserved).toBe(during.bytesReserved);
  });

  test("blocks are aligned for vectors, and views are where the tensors are", () => {
    const tensor = Tensor.from([1, 2, 3]);
    const { byteOffset } = tensor.view();
    expect(byteOffset % 16).toBe(0);
    expect(float32View(byteOffset, 3)).toEqual(tensor.view());
    expect(uint32View(byteOffset, 1)[0]).toBe(0x3f800000);
    tensor.dispose();
  });

  test("after 1,000 mixed calls, disposals and errors the bytes in use are where they began", () => {
    const dtypes: DType[] = ["float32", "float16", "bfloat16", "int32", "bool"];
    const { bytesInUse } = memoryUsage();
    const live: Tensor[] = [];
    const act = (action: number, size: number): void => {
      const pick = (): Tensor => live[size % live.length];
      switch (live.length === 0 ? 0 : action) {
        case 0:
          live.push(
            Tensor.from(
              Array.from({ length: size }, (_, index) => index % 7),
              undefined,
              dtypes[size % 5],
            ),
          );
          return;
        case 1:
          live.push(pick().to(dtypes[size % 5]));
          return;
        case 2:
          live.push(pick().reshape([1, -1, 1]));
          return;
        case 3:
          live.splice(size % live.length, 1)[0].dispose();
          return;
        case 4:
          scope(() => pick().to("float32").reshape([-1]).toArray());
          return;
        case 5:
          live.push(scope(() => [Tensor.from([size]).reshape([1]), pick().to("bool")].slice(1))[0]);
          return;
        case 6:
          expect(() => pick().reshape([size, 2, 0.5])).toThrow(RangeError);
          return;
        case 7:
          expect(() => Tensor.from([[1], [2, 3]])).toThrow(RangeError);
          return;
        case 8:
          expect(() => scope(() => Tensor.from([size]).reshape([3]))).toThrow(RangeError);
          return;
        default:
          expect(() => Tensor.from({ data: [1], shape: [1], dtype: "float64" as DType })).toThrow(TypeError);
      }
    };
    const action = fc.tuple(fc.integer({ min: 0, max: 9 }), fc.integer({ min: 1, max: 500 }));
    for (const [kind, size] of fc.sample(action, { seed: 42, numRuns: 1000 })) act(kind, size);
    for (const tensor of live) tensor.dispose();
    expect(memoryUsage().bytesInUse).toBe(bytesInUse);
  });

  describe("too much memory", () => {
    test.each([
      ["2 GiB of float32", [2 ** 29]],
      ["more than 4 GiB", [2 ** 20, 2 ** 20]],
      ["sizes that would wrap to something small", [2 ** 30 + 16]],
    ])("at once: %s", (_, shape) => {
      const { bytesInUse, bytesReserved } = memoryUsage();
      const one = Tensor.from([1]);
      // A kernel's output of this shape, without data of this size.
      const call = (): unknown => createTensor("op", shape, "float32");
      const message =
        /^op: out of memory: \d+ bytes more than the \d+ in use; .* below 2 GiB, .* within 4 GiB, or what the host allows$/;
      expectThrows(call, RangeError, "ERR_OUT_OF_MEMORY", message);
      expect(one.item()).toBe(1);
      one.dispose();
      expect(memoryUsage()).toMatchObject({ bytesInUse, bytesReserved });
    });
  });
});

describe("maximumMemory", () => {
  const limited = async (maximumMemory: number, use: (runtime: Runtime) => void): Promise<void> => {
    const runtime = await init({ maximumMemory });
    try {
      use(runtime);
    } finally {
      runtime.dispose();
    }
  };

  test("is an error that leaves the runtime usable", async () => {
    await limited(4 * MEBIBYTE, (runtime) => {
      const { bytesInUse } = memoryUsage();
      const live: Tensor[] = [];
      const fill = (length: number): unknown => {
        try {
          for (;;) live.push(Tensor.from(new Float32Array(length)));
        } catch (error) {
          return error;
        }
      };
      const message =
        /^Tensor\.from: out of memory: 262144 bytes more .* within maximumMemory, 4194304 bytes, or what the host allows$/;
      expectError(fill(65536), RangeError, "ERR_OUT_OF_MEMORY", message);
      expect(live.length).toBeGreaterThan(8);
      expect(memoryUsage().bytesReserved).toBeLessThanOrEqual(4 * MEBIBYTE);
      expect(runtime.failed).toBe(false);
      fill(1024);
      // There is room now for the float32 numbers, but not for their conversion: it must not keep the former.
      live.shift()?.dispose();
      const nearlyFull = memoryUsage().bytesInUse;
      const ones = Array.from({ length: 65536 }, () => 1);
      expectThrows(() => Tensor.from(ones, undefined, "float16"), RangeError, "ERR_OUT_OF_MEMORY", /131072 bytes more/);
      expect(memoryUsage().bytesInUse).toBe(nearlyFull);
      live.push(Tensor.from(ones));
      for (const tensor of live) tensor.dispose();
      expect(memoryUsage().bytesInUse).toBe(bytesInUse);
    });
  });

  test("holds for whole pages", async () => {
    await limited(2 * MEBIBYTE + 65535, () => {
      expect(() => Tensor.from(new Uint8Array(MEBIBYTE + 65536))).toThrow(RangeError);
      expect(memoryUsage().bytesReserved).toBeLessThanOrEqual(2 * MEBIBYTE);
    });
  });

  test.each([MEBIBYTE - 1, 4 * GIBIBYTE + 1, 1.5 * MEBIBYTE + 0.5, NaN, -1])("can't be %d", async (maximumMemory) => {
    const message = /^init: maximumMemory: expected an integer from 1048576 to 4294967296, got/;
    await expectRejects(init({ maximumMemory }), RangeError, "ERR_INVALID_VALUE", message);
  });

  test("has to hold what the runtime starts with", async () => {
    const message = /^init: maximumMemory: expected at least \d+, .* got 1048576$/;
    await expectRejects(init({ maximumMemory: MEBIBYTE }), RangeError, "ERR_OUT_OF_MEMORY", message);
    expectThrows(() => memoryUsage(), AttentionError, "ERR_NOT_INITIALIZED", /^memoryUsage: /);
  });
});

describe("rotaryEmbedding needs memory for its rows alone", () => {
  /** The most that a call takes beyond what was there, in a runtime of its own. */
  const peakOf = async (input: { data: Float32Array; shape: number[] }, positionIds: number | number[]) => {
    const runtime = await init();
    try {
      const { bytesInUse } = memoryUsage();
      const output = rotaryEmbedding(input, { positionIds });
      const result = { values: Array.from(output.toArray()), bytes: memoryUsage().bytesPeak - bytesInUse };
      output.dispose();
      return result;
    } finally {
      runtime.dispose();
    }
  };

  test.each([131_072, 10_000_000, 2 ** 31 - 1])("one row at position %d", async (position) => {
    const input = { data: Float32Array.from({ length: 128 }, (_, at) => Number(at < 64)), shape: [1, 128] };
    const byNumber = await peakOf(input, position);
    const byList = await peakOf(input, [position]);
    // Input, output, cosines and sines, 64 float64 frequencies, the 17 words of the arguments; one position.
    expect(byNumber.bytes).toBeLessThanOrEqual(4 * 512 + 68);
    expect(byList.bytes).toBeLessThanOrEqual(4 * 512 + 68 + 16);
    expect(byList.values).toEqual(byNumber.values);
    // The first frequency is 1. Math.cos rounds the last bits of float64 in its own way.
    expect(Math.abs(byNumber.values[0] - Math.cos(position))).toBeLessThan(2 ** -24);
    expect(Math.abs(byNumber.values[64] - Math.sin(position))).toBeLessThan(2 ** -24);
  });

  test("what the batches share is there once", async () => {
    const input = { data: new Float32Array(100 * 50 * 8), shape: [100, 50, 8] };
    const rows = 50 * 8 * Float32Array.BYTES_PER_ELEMENT;
    for (const positionIds of [7, Array.from({ length: 50 }, (_, row) => 3 * row)]) {
      const { bytes } = await peakOf(input, positionIds);
      // Input and output; tables and positions of one batch; what the allocator rounds up.
      expect(bytes).toBeLessThanOrEqual(2 * 100 * rows + 2 * rows + 256);
    }
  });
});

test("tensors that are collected without having been disposed give their memory back", async () => {
  const runtime = await init();
  const { bytesInUse } = memoryUsage();
  const lose = (): void => {
    for (let count = 0; count < 50; count++) Tensor.from(new Float32Array(1000)).reshape([10, 100]);
  };
  lose();
  expect(memoryUsage().bytesInUse).toBeGreaterThan(bytesInUse);
  await expect.poll(() => (collectGarbage(), memoryUsage().bytesInUse), { timeout: 10_000 }).toBe(bytesInUse);
  runtime.dispose();
});

test("a tensor that was disposed gives nothing back once more when it is collected", async () => {
  const runtime = await init();
  const share = (): Tensor[] =>
    Array.from({ length: 20 }, () => {
      const first = Tensor.from(new Float32Array(1000));
      const second = first.reshape([1000, 1]);
      first.dispose();
      return second;
    });
  const shared = share();
  const { bytesInUse } = memoryUsage();
  for (let round = 0; round < 3; round++) {
    collectGarbage();
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  expect(memoryUsage().bytesInUse).toBe(bytesInUse);
  for (const tensor of shared) tensor.dispose();
  runtime.dispose();
});
