import { describe, expect, test } from "vitest";
import {
  AttentionError,
  type DType,
  init,
  memoryUsage,
  type NestedArray,
  type Runtime,
  Tensor,
} from "../../ts/entry/default.js";
import { forEachArithmetic } from "../support/arithmetics.js";
import { expectThrows } from "../support/expect-error.js";

const bytesInUse = (): number => memoryUsage().bytesInUse;

forEachArithmetic(() => {
  describe("view and toArray", () => {
    test("a view writes to the tensor, a copy doesn't", () => {
      const tensor = Tensor.from([1, 2]);
      const copy = tensor.toArray();
      tensor.view()[0] = 5;
      copy[1] = 9;
      expect(tensor.toArray()).toEqual(new Float32Array([5, 2]));
      expect(copy).toEqual(new Float32Array([1, 9]));
      expect(copy.buffer.byteLength).toBe(8);
      tensor.dispose();
    });

    test("a fresh view is right after the memory has grown, when older ones are detached", () => {
      const tensor = Tensor.from([1, 2]);
      const old = tensor.view();
      const { bytesReserved } = memoryUsage();
      const large = Tensor.from(new Uint8Array(bytesReserved));
      expect(memoryUsage().bytesReserved).toBeGreaterThan(bytesReserved);
      expect(old.length).toBe(0);
      expect(tensor.view()).toEqual(new Float32Array([1, 2]));
      large.dispose();
      tensor.dispose();
    });
  });

  describe("item and toNested", () => {
    test.each<[NestedArray, DType]>([
      [
        [
          [1.5, 2],
          [3, -4],
        ],
        "float32",
      ],
      [
        [
          [1.5, 2],
          [3, -4],
        ],
        "float16",
      ],
      [
        [
          [1.5, 2],
          [3, -4],
        ],
        "bfloat16",
      ],
      [[1, -2, 3], "int32"],
      [[[[true], [false]]], "bool"],
      [7, "int32"],
      [true, "bool"],
      [[], "float32"],
      [[[], []], "float16"],
    ])("%j as %s comes back", (data, dtype) => {
      const tensor = Tensor.from(data, undefined, dtype);
      expect(tensor.toNested()).toEqual(data);
      tensor.dispose();
    });

    test("16 bits are widened exactly", () => {
      const float16 = Tensor.from(
        new Uint16Array([0x0001, 0x83ff, 0x0400, 0x7bff, 0xfc00, 0x7e01, 0x8000]),
        [7],
        "float16",
      );
      const expected = [2 ** -24, -1023 * 2 ** -24, 2 ** -14, 65504, -Infinity, NaN, -0];
      expect(float16.toNested()).toEqual(expected);
      const bfloat16 = Tensor.from(new Uint16Array([0x0001, 0x7f7f, 0xff80, 0x7fc1, 0x8000]), [5], "bfloat16");
      expect(bfloat16.toNested()).toEqual([2 ** -133, 255 * 2 ** 120, -Infinity, NaN, -0]);
      float16.dispose();
      bfloat16.dispose();
    });

    test("item is for one element", () => {
      for (const shape of [[], [1], [1, 1, 1]]) {
        const tensor = Tensor.from([2.5], shape);
        expect(tensor.item()).toBe(2.5);
        tensor.dispose();
      }
      const boolean = Tensor.from([true]);
      expect(boolean.item()).toBe(true);
      boolean.dispose();
      const two = Tensor.from([1, 2]);
      expectThrows(
        () => two.item(),
        RangeError,
        "ERR_SHAPE",
        /^Tensor\.item: this: expected a shape of 1 element.* got \[2\]$/,
      );
      two.dispose();
    });
  });

  describe("to", () => {
    test.each<[readonly (number | boolean)[], DType, DType, readonly (number | boolean)[]]>([
      [[1.1, -2], "float32", "float32", [Math.fround(1.1), -2]],
      [[1.1, 65520, NaN], "float32", "float16", [1.099609375, Infinity, NaN]],
      [[1.1, 3.4e38], "float32", "bfloat16", [1.1015625, Infinity]],
      [[1.1], "float16", "float32", [1.099609375]],
      [[1.1], "float16", "float16", [1.099609375]],
      [[1.099609375, 2 ** -24], "float16", "bfloat16", [1.1015625, 2 ** -24]],
      [[1.1015625, 3e38], "bfloat16", "float16", [1.1015625, Infinity]],
      [[1.9, -1.9, 3e9, -3e9, NaN, Infinity], "float32", "int32", [1, -1, 2 ** 31 - 1, -(2 ** 31), 0, 2 ** 31 - 1]],
      [[-2.5], "float16", "int32", [-2]],
      [[0, -0, 0.1, NaN], "float32", "bool", [false, false, true, true]],
      [[0, 1], "bfloat16", "bool", [false, true]],
      [[2 ** 24 + 1, -3], "int32", "float32", [2 ** 24, -3]],
      [[1, -3], "int32", "float16", [1, -3]],
      [[0, 256], "int32", "bool", [false, true]],
      [[true, false], "bool", "float32", [1, 0]],
      [[true, false], "bool", "bfloat16", [1, 0]],
      [[true, false], "bool", "int32", [1, 0]],
    ])("%j of %s to %s", (data, dtype, target, expected) => {
      const before = bytesInUse();
      const tensor = Tensor.from(data, [data.length, 1], dtype);
      const converted = tensor.to(target);
      tensor.dispose();
      expect(converted.dtype).toBe(target);
      expect(converted.shape).toEqual([data.length, 1]);
      expect((converted.toNested() as NestedArray[]).flat()).toEqual(expected);
      converted.dispose();
      expect(bytesInUse()).toBe(before);
    });

    test("refuses what is no dtype", () => {
      const tensor = Tensor.from([1]);
      const message = /^Tensor\.to: dtype: expected one of float32, .*, got "float64"$/;
      expectThrows(() => tensor.to("float64" as DType), TypeError, "ERR_INVALID_TYPE", message);
      tensor.dispose();
    });

    test("an empty tensor stays empty", () => {
      const tensor = Tensor.from([], [0, 3]);
      const half = tensor.to("float16");
      expect(half.shape).toEqual([0, 3]);
      expect(half.toArray()).toEqual(new Uint16Array(0));
      half.dispose();
      tensor.dispose();
    });
  });

  describe("reshape", () => {
    test("keeps the elements, and shares them", () => {
      const tensor = Tensor.from([1, 2, 3, 4, 5, 6]);
      const matrix = tensor.reshape([2, -1]);
      expect(matrix.toNested()).toEqual([
        [1, 2, 3],
        [4, 5, 6],
      ]);
      tensor.view()[0] = 9;
      expect(matrix.view()[0]).toBe(9);
      tensor.dispose();
      matrix.dispose();
    });

    test("the memory goes with the last tensor that shares it", () => {
      const before = bytesInUse();
      const tensor = Tensor.from([1, 2, 3, 4]);
      const others = [tensor.reshape([4, 1]), tensor.reshape([2, 2])];
      tensor.dispose();
      tensor.dispose();
      others[0].dispose();
      expect(others[1].toNested()).toEqual([
        [1, 2],
        [3, 4],
      ]);
      expect(bytesInUse()).toBeGreaterThan(before);
      others[1].dispose();
      expect(bytesInUse()).toBe(before);
    });

    test.each([[[3]], [[-1, -1]], [[4, -1]], [[-2, 3]], [[1.5, -1]], [[0, -1]], [[-1, 0]], [[]]])(
      "refuses %j for 6",
      (shape) => {
        const tensor = Tensor.from(new Float32Array(6));
        expectThrows(() => tensor.reshape(shape), RangeError, "ERR_SHAPE", /^Tensor\.reshape: shape: expected/);
        tensor.dispose();
      },
    );

    test("knows empty tensors and single numbers", () => {
      const empty = Tensor.from([], [0, 3]);
      const flat = empty.reshape([-1]);
      expect(flat.shape).toEqual([0]);
      expectThrows(() => empty.reshape([0, -1]), RangeError, "ERR_SHAPE", /expected a shape of 0 elements/);
      const one = Tensor.from([5]);
      const scalar = one.reshape([]);
      expect(scalar.toNested()).toBe(5);
      for (const tensor of [empty, flat, one, scalar]) tensor.dispose();
    });
  });

  describe("dispose", () => {
    const uses: Record<string, (tensor: Tensor) => unknown> = {
      view: (tensor) => tensor.view(),
      toArray: (tensor) => tensor.toArray(),
      toNested: (tensor) => tensor.toNested(),
      item: (tensor) => tensor.item(),
      to: (tensor) => tensor.to("float16"),
      reshape: (tensor) => tensor.reshape([1]),
    };

    test.each(Object.keys(uses))("%s throws afterwards", (name) => {
      const tensor = Tensor.from([1]);
      expect(tensor.disposed).toBe(false);
      tensor.dispose();
      expect(tensor.disposed).toBe(true);
      const message = new RegExp(`^Tensor\\.${name}: this: the Tensor float32 \\[1\\] has been disposed$`);
      expectThrows(() => uses[name](tensor), TypeError, "ERR_DISPOSED", message);
    });

    test("twice is once", () => {
      const before = bytesInUse();
      const tensor = Tensor.from([1]);
      tensor.dispose();
      const other = Tensor.from([2]);
      tensor.dispose();
      expect(other.item()).toBe(2);
      other.dispose();
      expect(bytesInUse()).toBe(before);
    });

    test("has the name that `using` calls", () => {
      const tensor = Tensor.from([1]);
      tensor[Symbol.dispose ?? Symbol.for("Symbol.dispose")]();
      expect(tensor.disposed).toBe(true);
    });
  });

  describe("text", () => {
    test.each<[NestedArray, DType | undefined, string]>([
      [1.5, undefined, "Tensor float32 [] 1.5"],
      [[0.1, -2, NaN], undefined, "Tensor float32 [3] [0.1, -2, NaN]"],
      [[1 / 3], "float16", "Tensor float16 [1] [0.333252]"],
      [[true, false], undefined, "Tensor bool [2] [true, false]"],
      [
        [
          [1, 2],
          [3, 4],
        ],
        "int32",
        "Tensor int32 [2, 2]\n[[1, 2],\n [3, 4]]",
      ],
      [Array.from({ length: 100 }, (_, index) => index), undefined, "Tensor float32 [100] [0, 1, 2, …, 97, 98, 99]"],
      [[], undefined, "Tensor float32 [0] []"],
    ])("%j", (data, dtype, text) => {
      const tensor = Tensor.from(data, undefined, dtype);
      expect(String(tensor)).toBe(text);
      expect(Object.prototype.toString.call(tensor)).toBe("[object Tensor]");
      tensor.dispose();
      expect(String(tensor)).toBe(`${text.split("]")[0]}] (disposed)`);
    });

    test("does not depend on the size", () => {
      const tensor = Tensor.from(new Uint16Array(64 * 64 * 64), [64, 64, 64], "float16");
      expect(String(tensor).length).toBeLessThan(2000);
      tensor.dispose();
    });
  });

  test("shape and dtype can't be changed", () => {
    const tensor = Tensor.from([1, 2]);
    expect(() => Object.assign(tensor, { shape: [1000] })).toThrow(TypeError);
    expect(() => Object.assign(tensor, { dtype: "int32" })).toThrow(TypeError);
    expect(tensor.shape).toEqual([2]);
    tensor.dispose();
  });
});

test("tensors of an earlier runtime say so", async () => {
  const first: Runtime = await init();
  const tensor = Tensor.from([1]);
  first.dispose();
  const message =
    /^Tensor\.toArray: this: the Tensor float32 \[1\] belongs to a runtime that has been disposed or replaced$/;
  expect(tensor.disposed).toBe(true);
  expect(String(tensor)).toBe("Tensor float32 [1] (disposed)");
  expectThrows(() => tensor.toArray(), TypeError, "ERR_DISPOSED", message);
  const second = await init();
  const other = Tensor.from([2]);
  expectThrows(() => tensor.toArray(), TypeError, "ERR_DISPOSED", message);
  const before = bytesInUse();
  tensor.dispose();
  expect(bytesInUse()).toBe(before);
  expect(other.item()).toBe(2);
  second.dispose();
});

test("a tensor needs a runtime", () => {
  expectThrows(
    () => Tensor.from([1]),
    AttentionError,
    "ERR_NOT_INITIALIZED",
    /^Tensor\.from: .*: await init\(\) first$/,
  );
  // What is wrong with the data is said first, with a runtime or without.
  expectThrows(() => Tensor.from([[1], [2, 3]]), RangeError, "ERR_SHAPE", /neighbours/);
});
