import { describe, expect, test, vi } from "vitest";
import type * as entry from "../../ts/entry/default.js";
import { memoryUsage, scaledDotProductAttention, Tensor, type TensorLike } from "../../ts/entry/default.js";
import { runCall } from "../../ts/ops/call.js";
import { describeFloat } from "../../ts/ops/float-operand.js";
import { type NumbersLike, readNumbers } from "../../ts/ops/numbers.js";
import { describe as describeOperand } from "../../ts/ops/operand.js";
import { float32View } from "../../ts/runtime/memory.js";
import { elementCount } from "../../ts/tensor/shape.js";
import { pointerOf } from "../../ts/tensor/tensor.js";
import { forEachArithmetic } from "../support/arithmetics.js";
import { expectThrows } from "../support/expect-error.js";

/** The package, loaded once more. */
async function importAnotherCopy(): Promise<typeof entry> {
  vi.resetModules();
  return import("../../ts/entry/default.js");
}

/** An operation as the package's own are written: input + weight, of which the latter is read in its own dtype. */
function add(input: TensorLike, weight: TensorLike): Tensor {
  const x = describeFloat("add", "input", input);
  const w = describeOperand("add", "weight", weight);
  return runCall("add", (call) => {
    const [source, addend] = [call.inputAsFloat32(x), call.input(w)];
    const length = elementCount(x.shape);
    call.temporary(1024);
    return call.outputFromFloat32(x.shape, x.dtype, (output) => {
      const weights = float32View(addend, length);
      float32View(output, length).set(float32View(source, length).map((value, index) => value + weights[index]));
    });
  });
}

forEachArithmetic(() => {
  describe("operands", () => {
    test("are tensors, or data with a shape, which leave nothing behind", () => {
      const { bytesInUse } = memoryUsage();
      const tensor = Tensor.from([1, 2]);
      const half = tensor.to("bfloat16");
      const data = { data: new Float32Array([10, 20]), shape: [2] };
      const cases: [TensorLike, TensorLike, unknown][] = [
        [tensor, tensor, [2, 4]],
        [tensor, data, [11, 22]],
        [data, { data: [1, 2], shape: [2] }, [11, 22]],
        [half, data, [11, 22]],
        [{ data: [[0.5, 1]], shape: [2, 1], dtype: "float16" }, data, [[10.5], [21]]],
        [{ data: new Float32Array([0.5, 1]), shape: [2], dtype: "float16" }, data, [10.5, 21]],
        [{ data: new Float32Array(0), shape: [0, 3] }, { data: [], shape: [0] }, []],
      ];
      for (const [input, weight, expected] of cases) {
        const result = add(input, weight);
        expect(result.toNested()).toEqual(expected);
        expect(result.dtype).toBe(describeOperand("add", "input", input).dtype);
        result.dispose();
      }
      tensor.dispose();
      half.dispose();
      expect(memoryUsage().bytesInUse).toBe(bytesInUse);
    });

    test("may be views of the runtime's memory, though another operand makes it grow", () => {
      const tensor = Tensor.from([1, 2, 3]);
      const large = { data: new Float32Array(memoryUsage().bytesReserved / 4 + 1).fill(1), shape: [0] };
      large.shape = [large.data.length];
      const result = runCall("first", (call) => {
        const [view, other] = [{ data: tensor.view(), shape: [3] }, large];
        const operands = [describeOperand("first", "view", view), describeOperand("first", "large", other)];
        const pointers = operands.reverse().map((operand) => call.input(operand));
        return [...float32View(pointers[1], 3)];
      });
      expect(result).toEqual([1, 2, 3]);
      tensor.dispose();
    });

    test("of the wrong kind are refused before anything is allocated", () => {
      const { bytesInUse } = memoryUsage();
      const good = { data: [1, 2], shape: [2] };
      const refused: [unknown, typeof TypeError | typeof RangeError, "ERR_INVALID_TYPE" | "ERR_SHAPE", RegExp][] = [
        [
          undefined,
          TypeError,
          "ERR_INVALID_TYPE",
          /^add: weight: expected a Tensor or \{ data, shape \}, got undefined$/,
        ],
        [null, TypeError, "ERR_INVALID_TYPE", /got null$/],
        [3, TypeError, "ERR_INVALID_TYPE", /got 3$/],
        [[1, 2], TypeError, "ERR_INVALID_TYPE", /got \[1, 2\]$/],
        [new Float32Array(2), TypeError, "ERR_INVALID_TYPE", /got Float32Array\(2\)$/],
        [
          { data: [1, 2] },
          TypeError,
          "ERR_INVALID_TYPE",
          /^add: weight\.shape: expected an array of .*, got undefined$/,
        ],
        [
          { data: new Float64Array(2), shape: [2] },
          TypeError,
          "ERR_INVALID_TYPE",
          /^add: weight\.data: expected a Float/,
        ],
        [
          { ...good, shape: [3] },
          RangeError,
          "ERR_SHAPE",
          /^add: weight\.shape: expected a shape of 2 elements, got \[3\]$/,
        ],
        [{ ...good, dtype: "float64" }, TypeError, "ERR_INVALID_TYPE", /^add: weight\.dtype: expected one of/],
        [{ data: [[1], [2, 3]], shape: [3] }, RangeError, "ERR_SHAPE", /^add: weight\.data: expected an array of 1/],
      ];
      for (const [weight, kind, code, message] of refused) {
        expectThrows(() => add(good, weight as TensorLike), kind, code, message);
      }
      expect(memoryUsage().bytesInUse).toBe(bytesInUse);
    });

    test("that have been disposed are refused", () => {
      const tensor = Tensor.from([1]);
      tensor.dispose();
      const message = /^add: input: the Tensor float32 \[1\] has been disposed$/;
      expectThrows(() => add(tensor, tensor), TypeError, "ERR_DISPOSED", message);
    });

    test("of another copy of the package are recognised and refused", async () => {
      const other = await importAnotherCopy();
      const runtime = await other.init();
      const foreign = other.Tensor.from([1]);
      const message =
        /^add: input: the tensor is of another copy of wasm-attention .* pass a copy, Tensor\.from\(tensor\)$/;
      expectThrows(() => add(foreign, foreign), TypeError, "ERR_FOREIGN_TENSOR", message);
      const copy = Tensor.from(foreign);
      const result = add(copy, { data: [1], shape: [1] });
      expect(result.item()).toBe(2);
      result.dispose();
      copy.dispose();
      const square = foreign.reshape([1, 1]);
      const refused = /^scaledDotProductAttention: query: the tensor is of another copy of wasm-attention/;
      expectThrows(() => scaledDotProductAttention(square, square, square), TypeError, "ERR_FOREIGN_TENSOR", refused);
      runtime.dispose();
    });
  });

  describe("a call that throws", () => {
    test("frees its inputs' copies, its work space and its outputs", () => {
      const { bytesInUse } = memoryUsage();
      const error = new Error("late");
      const operand = describeFloat("op", "input", { data: [1, 2], shape: [2], dtype: "float16" });
      const call = (): unknown =>
        runCall("op", (running) => {
          running.inputAsFloat32(operand);
          running.temporary(1000);
          running.output([10], "int32");
          running.outputFromFloat32([10], "float16", () => {
            throw error;
          });
        });
      expect(call).toThrow(error);
      expect(memoryUsage().bytesInUse).toBe(bytesInUse);
    });

    test("for lack of memory does too", () => {
      const { bytesInUse } = memoryUsage();
      const call = (): unknown =>
        runCall("op", (running) => {
          const output = running.output([1000], "float32");
          expect(pointerOf(output) % 16).toBe(0);
          return [output, running.temporary(2 ** 32 - 1)];
        });
      expectThrows(call, RangeError, "ERR_OUT_OF_MEMORY", /^op: out of memory: 4294967295 bytes more/);
      expect(memoryUsage().bytesInUse).toBe(bytesInUse);
    });

    test("because an operand is no float", () => {
      const call = (): unknown => describeFloat("op", "input", { data: [true], shape: [1] });
      expectThrows(
        call,
        TypeError,
        "ERR_INVALID_TYPE",
        /^op: input: expected float32, float16 or bfloat16, got "bool"$/,
      );
    });
  });

  describe("numbers", () => {
    test("are read from whatever holds them", () => {
      const tensors = (["float32", "float16", "bfloat16", "int32"] as const).map((dtype) =>
        Tensor.from([1, -2], undefined, dtype),
      );
      const forms: NumbersLike[] = [
        [1, -2],
        new Float64Array([1, -2]),
        new Int8Array([1, -2]),
        new Float32Array([1, -2]),
        new BigInt64Array([1n, -2n]),
        [1n, -2n],
        { data: [1, -2], shape: [2] },
        { data: [1n, -2n], shape: [2] },
        { data: new BigInt64Array([1n, -2n]), shape: [2] },
        { data: new Uint16Array([0x3c00, 0xc000]), shape: [2], dtype: "float16" },
        ...tensors,
      ];
      for (const form of forms) expect(readNumbers("op", "n", form)).toMatchObject({ values: [1, -2], shape: [2] });
      for (const tensor of tensors) tensor.dispose();
      expect(readNumbers("op", "n", [[1, 2], [3, 4]])).toEqual({ values: [1, 2, 3, 4], shape: [2, 2] }); // prettier-ignore
      expect(readNumbers("op", "n", [2 ** 53])).toEqual({ values: [2 ** 53], shape: [1] });
      expect(readNumbers("op", "n", new Uint16Array([7]))).toEqual({ values: [7], shape: [1] });
      expect(readNumbers("op", "n", [])).toEqual({ values: [], shape: [0] });
    });

    test("are nothing else", () => {
      const refused: unknown[] = [3, null, "1", [1, "2"], [1, 1n], new DataView(new ArrayBuffer(8))];
      refused.push([true], { data: [true], shape: [1] }, { values: [1] });
      for (const value of refused) {
        expectThrows(
          () => readNumbers("op", "n", value as NumbersLike),
          TypeError,
          "ERR_INVALID_TYPE",
          /^op: n: expected/,
        );
      }
      expectThrows(
        () => readNumbers("op", "n", [[1], [1, 2]]),
        RangeError,
        "ERR_SHAPE",
        /^op: n: expected an array of 1/,
      );
    });
  });
});
