import { runInNewContext } from "node:vm";
import { describe, expect, test } from "vitest";
import {
  type DType,
  type Elements,
  type ErrorCode,
  type Leaf,
  memoryUsage,
  type NestedArray,
  type Shape,
  Tensor,
} from "../../ts/entry/default.js";
import { show } from "../../ts/show.js";
import { forEachArithmetic } from "../support/arithmetics.js";
import { expectThrows } from "../support/expect-error.js";

/** `Tensor.from` for arguments that its types refuse. */
const from = Tensor.from as (data: unknown, shape?: unknown, dtype?: unknown) => Tensor;

/** dtype, shape and elements, of a tensor that is disposed. */
function read(tensor: Tensor): [DType, Shape, Elements] {
  const content: [DType, Shape, Elements] = [tensor.dtype, tensor.shape, tensor.toArray()];
  tensor.dispose();
  return content;
}

forEachArithmetic(() => {
  describe("typed arrays", () => {
    test("give the dtype that they hold", () => {
      expect(read(Tensor.from(new Float32Array([1, 2.5])))).toEqual(["float32", [2], new Float32Array([1, 2.5])]);
      expect(read(Tensor.from(new Int32Array([1, -2]), [2, 1]))).toEqual(["int32", [2, 1], new Int32Array([1, -2])]);
      expect(read(Tensor.from(new Uint8Array([0, 1, 255])))).toEqual(["bool", [3], new Uint8Array([0, 1, 1])]);
      expect(read(Tensor.from(Buffer.from([0, 1])))).toEqual(["bool", [2], new Uint8Array([0, 1])]);
      const bits = new Uint16Array([0x3c00, 0x7e00]);
      expect(read(Tensor.from(bits, undefined, "float16"))).toEqual(["float16", [2], bits]);
      expect(read(Tensor.from(bits, [1, 2], "bfloat16"))).toEqual(["bfloat16", [1, 2], bits]);
    });

    test.runIf("Float16Array" in globalThis)("may be a Float16Array, where there is one", () => {
      const { Float16Array } = globalThis as unknown as { Float16Array: new (data: number[]) => unknown };
      expect(read(from(new Float16Array([1, -2])))).toEqual(["float16", [2], new Uint16Array([0x3c00, 0xc000])]);
    });

    test("are rounded to 16 bits, ties to even", () => {
      const values = new Float32Array([1, 1 + 2 ** -11, 1 + 3 * 2 ** -11, 65520, -0, NaN]);
      expect(read(Tensor.from(values, [6], "float16"))[2]).toEqual(
        new Uint16Array([0x3c00, 0x3c00, 0x3c02, 0x7c00, 0x8000, 0x7e00]),
      );
      expect(read(Tensor.from(new Float32Array([1 + 2 ** -8, 1 + 3 * 2 ** -8]), [2], "bfloat16"))[2]).toEqual(
        new Uint16Array([0x3f80, 0x3f82]),
      );
    });

    test("of 64-bit integers become int32, or bool where that is said", () => {
      const ids = [101n, -1n, 2n ** 31n - 1n, -(2n ** 31n)];
      const integers = new Int32Array([101, -1, 2 ** 31 - 1, -(2 ** 31)]);
      expect(read(Tensor.from(BigInt64Array.from(ids)))).toEqual(["int32", [4], integers]);
      expect(read(Tensor.from(BigInt64Array.from(ids), [2, 2], "int32"))).toEqual(["int32", [2, 2], integers]);
      expect(read(Tensor.from({ data: new BigUint64Array([7n, 8n]), shape: [2, 1] }))).toEqual([
        "int32",
        [2, 1],
        new Int32Array([7, 8]),
      ]);
      const flags = BigUint64Array.of(0n, 1n, 2n ** 64n - 1n);
      expect(read(Tensor.from(flags, undefined, "bool"))).toEqual(["bool", [3], new Uint8Array([0, 1, 1])]);
      expect(read(Tensor.from([[1n], [-2n]]))).toEqual(["int32", [2, 1], new Int32Array([1, -2])]);
      expect(read(Tensor.from([0n, 2n ** 70n], [2], "bool"))).toEqual(["bool", [2], new Uint8Array([0, 1])]);
      expect(read(Tensor.from(5n))).toEqual(["int32", [], new Int32Array([5])]);
      expect(read(from(runInNewContext("new BigInt64Array([3n])")))).toEqual(["int32", [1], new Int32Array([3])]);

      const outside = /^Tensor\.from: data, element 2: expected an integer of 32 bits, got 4294967296n$/;
      const large = BigInt64Array.of(0n, 1n, 2n ** 32n);
      expectThrows(() => Tensor.from(large), RangeError, "ERR_INVALID_VALUE", outside);
      const wrapped = /^Tensor\.from: data\.data, element 0: .* got 18446744073709551615n$/;
      const unsigned = { data: BigUint64Array.of(2n ** 64n - 1n), shape: [1] };
      expectThrows(() => Tensor.from(unsigned), RangeError, "ERR_INVALID_VALUE", wrapped);
      const dtype = /dtype: expected int32 or bool for bigints, got "float32"$/;
      expectThrows(() => from(large, [3], "float32"), TypeError, "ERR_INVALID_TYPE", dtype);
      structuredClone(large.buffer, { transfer: [large.buffer] });
      const detached = /^Tensor\.from: data: the BigInt64Array is detached/;
      expectThrows(() => Tensor.from(large), TypeError, "ERR_INVALID_TYPE", detached);
    });

    test("may be a part of a buffer, shared, or of another realm", () => {
      const part = new Float32Array([0, 1, 2, 3]).subarray(1, 3);
      expect(read(Tensor.from(part))[2]).toEqual(new Float32Array([1, 2]));
      const shared = new Int32Array(new SharedArrayBuffer(8));
      shared.set([3, 4]);
      const copy = Tensor.from(shared).toArray();
      expect(copy).toEqual(new Int32Array([3, 4]));
      expect(copy.buffer).toBeInstanceOf(ArrayBuffer);
      expect(read(from(runInNewContext("new Float32Array([1, 2])")))).toEqual([
        "float32",
        [2],
        new Float32Array([1, 2]),
      ]);
      expect(read(from(runInNewContext("[[1, 2]]")))[1]).toEqual([1, 2]);
    });

    test("may be views of the runtime's own memory, though it grows meanwhile", () => {
      const small = Tensor.from([1, 2, 3]);
      // So large that the memory has to grow: each view below is detached while the tensor after it is made.
      const large = Tensor.from(new Float32Array(2 ** 20));
      large.view().fill(7);
      const growth = Tensor.from(large.view());
      expect(read(growth)[2].at(-1)).toBe(7);
      expect(read(Tensor.from(small.view()))[2]).toEqual(new Float32Array([1, 2, 3]));
      large.dispose();
      small.dispose();
    });

    test.each<[string, unknown, RegExp]>([
      ["Float64Array", new Float64Array(2), /^Tensor\.from: data: expected a Float32Array, .* got Float64Array\(2\)$/],
      ["Uint32Array", new Uint32Array(2), /got Uint32Array\(2\)$/],
      ["Int8Array", new Int8Array(2), /got Int8Array\(2\)$/],
      ["Uint8ClampedArray", new Uint8ClampedArray(2), /got Uint8ClampedArray\(2\)$/],
      ["DataView", new DataView(new ArrayBuffer(8)), /got DataView\(8\)$/],
      ["ArrayBuffer", new ArrayBuffer(8), /got ArrayBuffer$/],
      ["Uint16Array without a dtype", new Uint16Array(2), /^Tensor\.from: dtype: expected "float16" or "bfloat16"/],
      ["undefined", undefined, /got undefined$/],
      ["null", null, /got null$/],
      ["a string", "1, 2", /got "1, 2"$/],
      ["a symbol", Symbol("s"), /got Symbol\(s\)$/],
      ["an object", { values: [1] }, /got \{ values \}$/],
      ["a Map", new Map(), /got Map$/],
    ])("of other kinds are refused: %s", (_, data, message) => {
      expectThrows(() => from(data), TypeError, "ERR_INVALID_TYPE", message);
    });

    test("that are detached are refused", () => {
      const data = new Float32Array(4);
      structuredClone(data.buffer, { transfer: [data.buffer] });
      const message = /^Tensor\.from: data: the Float32Array is detached/;
      expectThrows(() => Tensor.from(data), TypeError, "ERR_INVALID_TYPE", message);
      expectThrows(() => Tensor.from({ data, shape: [0] }), TypeError, "ERR_INVALID_TYPE", /data\.data: .* detached/);
      expect(read(Tensor.from(new Float32Array(0)))[1]).toEqual([0]);
    });

    test.each<[Elements, unknown, RegExp]>([
      [new Float32Array(1), "int32", /dtype: expected float32 or float16 or bfloat16 for a Float32Array, got "int32"/],
      [new Int32Array(1), "float32", /dtype: expected int32 for a Int32Array, got "float32"/],
      [new Uint8Array(1), "int32", /dtype: expected bool for a Uint8Array, got "int32"/],
      [new Uint16Array(1), "float32", /dtype: expected float16 or bfloat16 for a Uint16Array, got "float32"/],
      [new Float32Array(1), "float64", /dtype: expected one of float32, float16, bfloat16, int32, bool, got "float64"/],
      [new Float32Array(1), "toString", /dtype: expected one of/],
      [new Float32Array(1), 32, /dtype: expected one of .*, got 32/],
    ])("hold no other dtype: %o as %s", (data, dtype, message) => {
      expectThrows(() => from(data, [1], dtype), TypeError, "ERR_INVALID_TYPE", message);
    });
  });

  describe("nested arrays", () => {
    test.each<[NestedArray<Leaf>, DType | undefined, DType, Shape, Elements]>([
      [[1, 2], undefined, "float32", [2], new Float32Array([1, 2])],
      [[[1], [2]], undefined, "float32", [2, 1], new Float32Array([1, 2])],
      [[[true, false]], undefined, "bool", [1, 2], new Uint8Array([1, 0])],
      [[0, 3, -1], "bool", "bool", [3], new Uint8Array([0, 1, 1])],
      [[-(2 ** 31), 2 ** 31 - 1], "int32", "int32", [2], new Int32Array([-(2 ** 31), 2 ** 31 - 1])],
      [[1, -2], "float16", "float16", [2], new Uint16Array([0x3c00, 0xc000])],
      [[1, -2], "bfloat16", "bfloat16", [2], new Uint16Array([0x3f80, 0xc000])],
      [5, undefined, "float32", [], new Float32Array([5])],
      [true, undefined, "bool", [], new Uint8Array([1])],
      [[NaN, -0], "bool", "bool", [2], new Uint8Array([1, 0])],
      [[], undefined, "float32", [0], new Float32Array(0)],
      [[[], []], undefined, "float32", [2, 0], new Float32Array(0)],
    ])("%o as %s", (data, dtype, ...content) => {
      expect(read(Tensor.from(data, undefined, dtype))).toEqual(content);
    });

    test("may have another shape of the same size", () => {
      expect(read(Tensor.from([1, 2, 3, 4], [2, 2]))[1]).toEqual([2, 2]);
      expect(read(Tensor.from([[1, 2, 3, 4]], [4]))[1]).toEqual([4]);
    });

    const cyclic: unknown[] = [];
    cyclic.push(cyclic);
    const refused: [unknown, DType | undefined, typeof TypeError | typeof RangeError, ErrorCode, RegExp][] = [
      [
        [[1, 2], [3]],
        undefined,
        RangeError,
        "ERR_SHAPE",
        /data: expected an array of 2, like its neighbours, .*\[3\]$/,
      ],
      [[[1, 2], 3], undefined, RangeError, "ERR_SHAPE", /expected an array of 2, like its neighbours, .* got 3$/],
      [[1, [2]], undefined, RangeError, "ERR_SHAPE", /expected a number, bigint or boolean at depth 1, got \[2\]$/],
      [cyclic, undefined, RangeError, "ERR_SHAPE", /expected nested arrays of finite depth/],
      [[1, "2"], undefined, TypeError, "ERR_INVALID_TYPE", /data: expected numbers, bigints or booleans, got "2"$/],
      [[1, undefined], undefined, TypeError, "ERR_INVALID_TYPE", /got undefined$/],
      [new Array(2), undefined, TypeError, "ERR_INVALID_TYPE", /got undefined$/],
      [[1, null], undefined, TypeError, "ERR_INVALID_TYPE", /got null$/],
      [[1, 1n], undefined, TypeError, "ERR_INVALID_TYPE", /data: expected numbers only, got 1n$/],
      [[1n, true], undefined, TypeError, "ERR_INVALID_TYPE", /data: expected bigints only, got true$/],
      [[1n], "float32", TypeError, "ERR_INVALID_TYPE", /dtype: expected int32 or bool for bigints, got "float32"$/],
      [[0n, 2n ** 31n], undefined, RangeError, "ERR_INVALID_VALUE", /data, element 1: .* 32 bits, got 2147483648n$/],
      [[new Float32Array(2)], undefined, TypeError, "ERR_INVALID_TYPE", /got Float32Array\(2\)$/],
      [[1, true], undefined, TypeError, "ERR_INVALID_TYPE", /data: expected numbers only, got true$/],
      [[false, 0], undefined, TypeError, "ERR_INVALID_TYPE", /data: expected booleans only, got 0$/],
      [[true], "float32", TypeError, "ERR_INVALID_TYPE", /dtype: expected bool for booleans, got "float32"$/],
      [[1, 0.5], "int32", RangeError, "ERR_INVALID_VALUE", /data, element 1: expected an integer of 32 bits, got 0.5$/],
      [[2 ** 31], "int32", RangeError, "ERR_INVALID_VALUE", /got 2147483648$/],
      [[NaN], "int32", RangeError, "ERR_INVALID_VALUE", /got NaN$/],
    ];
    for (const [data, dtype, kind, code, message] of refused) {
      test(`refused: ${show(data)} as ${dtype}`, () => {
        expectThrows(() => from(data, undefined, dtype), kind, code, message);
      });
    }
  });

  describe("{ data, shape, dtype }", () => {
    test("stands for the arguments", () => {
      expect(read(Tensor.from({ data: new Float32Array(6), shape: [2, 3] }))[1]).toEqual([2, 3]);
      expect(read(Tensor.from({ data: [1, 2], shape: [2, 1], dtype: "int32" }))).toEqual([
        "int32",
        [2, 1],
        new Int32Array([1, 2]),
      ]);
    });

    test("needs a shape, and leaves no room for arguments", () => {
      const data = new Float32Array(2);
      const refused = (argument: RegExp, ...values: unknown[]): void => {
        expectThrows(() => from(...(values as [unknown])), TypeError, "ERR_INVALID_TYPE", argument);
      };
      refused(/^Tensor\.from: data\.shape: expected an array of non-negative integers, got undefined$/, { data });
      refused(/^Tensor\.from: data\.data: expected a typed array or/, { data: "x", shape: [1] });
      refused(/^Tensor\.from: shape: expected none/, { data, shape: [2] }, [2]);
      refused(/^Tensor\.from: dtype: expected none/, { data, shape: [2] }, undefined, "float32");
      refused(/^Tensor\.from: data\.dtype: expected one of/, { data, shape: [2], dtype: "float64" });
    });
  });

  describe("shapes", () => {
    const data = new Float32Array(6);
    test.each<[unknown, typeof TypeError | typeof RangeError, ErrorCode, RegExp]>([
      [6, TypeError, "ERR_INVALID_TYPE", /^Tensor\.from: shape: expected an array of non-negative integers, got 6$/],
      [new Int32Array([6]), TypeError, "ERR_INVALID_TYPE", /got Int32Array\(1\)$/],
      [["6"], TypeError, "ERR_INVALID_TYPE", /got \["6"\]$/],
      [[2, , 3], TypeError, "ERR_INVALID_TYPE", /got \[2, undefined, 3\]$/], // eslint-disable-line no-sparse-arrays
      [[-6], RangeError, "ERR_SHAPE", /got \[-6\]$/],
      [[1.5, 4], RangeError, "ERR_SHAPE", /got \[1.5, 4\]$/],
      [[NaN], RangeError, "ERR_SHAPE", /got \[NaN\]$/],
      [[2, 2], RangeError, "ERR_SHAPE", /shape: expected a shape of 6 elements, got \[2, 2\]$/],
      [[], RangeError, "ERR_SHAPE", /shape: expected a shape of 6 elements, got \[\]$/],
      [[2 ** 30, 2 ** 30], RangeError, "ERR_SHAPE", /expected sizes whose product is at most 9007199254740991/],
      [[0, 2 ** 31], RangeError, "ERR_SHAPE", /expected sizes whose product is at most 2147483647/],
    ])("refused: %o", (shape, kind, code, message) => {
      expectThrows(() => from(data, shape), kind, code, message);
    });

    test("may hold a size of 0", () => {
      expect(read(Tensor.from(new Float32Array(0), [3, 0, 2]))).toEqual(["float32", [3, 0, 2], new Float32Array(0)]);
    });

    test("are copied and frozen", () => {
      const shape = [2, 3];
      const tensor = Tensor.from(data, shape);
      shape[0] = 9;
      expect(tensor.shape).toEqual([2, 3]);
      expect(tensor.shape).toSatisfy(Object.isFrozen);
      tensor.dispose();
    });
  });

  test("what is refused allocates nothing", () => {
    const before = memoryUsage().bytesInUse;
    for (const data of [new Float64Array(2), [[1], [2, 3]], { data: [1], shape: [3] }, [true, 1]]) {
      expect(() => from(data)).toThrow();
    }
    expect(memoryUsage().bytesInUse).toBe(before);
  });

  test("tensors are made by Tensor.from alone", () => {
    const construct = Tensor as unknown as new (...values: unknown[]) => Tensor;
    expectThrows(() => new construct([1]), TypeError, "ERR_INVALID_TYPE", /made by Tensor\.from, not by new/);
    const lookalike = Object.create(Tensor.prototype) as Tensor;
    expectThrows(() => lookalike.toArray(), TypeError, "ERR_INVALID_TYPE", /^Tensor: this: expected a Tensor/);
  });

  test.each<[Elements | NestedArray, DType]>([
    [[[1, 2.5]], "float32"],
    [new Uint16Array([0x3c00, 0x7e00]), "float16"],
    [new Uint16Array([0x3f80, 0xff80]), "bfloat16"],
    [[-1, 2], "int32"],
    [[true, false], "bool"],
    [[], "float32"],
  ])("a tensor of %j as %s is copied", (data, dtype) => {
    const tensor = Tensor.from(data, undefined, dtype);
    const copy = Tensor.from(tensor);
    expect([copy.shape, copy.dtype, copy.toArray()]).toEqual([tensor.shape, dtype, tensor.toArray()]);
    tensor.dispose();
    expect(copy.disposed).toBe(false);
    copy.dispose();
  });
});
