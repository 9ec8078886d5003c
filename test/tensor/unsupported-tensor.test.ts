/** UnsupportedTensor.to: what a file holds in other dtypes, exact or rounded once. */
import { describe, expect, it } from "vitest";
import {
  type DType,
  embedding,
  loadSafetensors,
  memoryUsage,
  Tensor,
  type UnsupportedTensor,
} from "../../ts/entry/default.js";
import { forEachArithmetic } from "../support/arithmetics.js";
import { expectThrows } from "../support/expect-error.js";
import { bfloat16Value, encode16, float16Value } from "../oracle/half.js";
import { expectThrowsWithoutLeak, withoutLeak } from "../support/without-leak.js";

type Data =
  BigInt64Array | BigUint64Array | Float64Array | Uint32Array | Int16Array | Uint16Array | Int8Array | Uint8Array;

/** What loading a file with such a tensor gives. */
function stored(dtype: string, data: Data, shape: readonly number[] = [data.length]): UnsupportedTensor {
  const header = JSON.stringify({ x: { dtype, shape, data_offsets: [0, data.byteLength] } });
  const bytes = new Uint8Array(8 + header.length + data.byteLength);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(header.length), true);
  bytes.set(new TextEncoder().encode(header), 8);
  bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), 8 + header.length);
  return loadSafetensors(bytes).tensors.get("x") as UnsupportedTensor;
}

/** The elements of a conversion, 16-bit floats as bits. */
const elements = (tensor: UnsupportedTensor, dtype: DType): number[] => Array.from(tensor.to(dtype).toArray());

/** An integer rounded to so many bits, to the nearest, ties to even. */
function rounded(value: bigint, bits: number): bigint {
  const magnitude = value < 0n ? -value : value;
  const shift = BigInt(Math.max(0, magnitude.toString(2).length - bits));
  const unit = 1n << shift;
  const twice = 2n * (magnitude % unit);
  const floor = magnitude / unit;
  const up = twice > unit || (twice === unit && floor % 2n === 1n);
  return (value < 0n ? -1n : 1n) * (floor + BigInt(up)) * unit;
}

/** Beside a tie of float32, of bfloat16, and where float64 would round to one. */
const largeIntegers = Array.from({ length: 40 }, (_, index) => BigInt(index + 23)).flatMap((exponent) => {
  const one = 1n << exponent;
  return [8n, 24n, 53n]
    .filter((bits) => bits <= exponent)
    .flatMap((bits) => [1n, 3n].map((halves) => one + halves * (1n << (exponent - bits))))
    .flatMap((tie) => [tie - 1n, tie, tie + 1n])
    .flatMap((value) => [value, -value]);
});

const bigAsFloats = (values: readonly bigint[], bits: number): number[] =>
  values.map((value) => Number(rounded(value, bits)));

forEachArithmetic(() => {
  it("converts every format to every dtype", () => {
    withoutLeak(() => {
      const integers: [string, Data][] = [
        ["I8", Int8Array.of(0, 1, -128, 127)],
        ["U8", Uint8Array.of(0, 1, 128, 255)],
        ["I16", Int16Array.of(0, 1, -300, 257)],
        ["U16", Uint16Array.of(0, 1, 300, 257)],
        ["U32", Uint32Array.of(0, 1, 300, 257)],
        ["I64", BigInt64Array.of(0n, 1n, -300n, 257n)],
        ["U64", BigUint64Array.of(0n, 1n, 300n, 257n)],
        ["F64", Float64Array.of(0, 1, -300, 257)],
      ];
      for (const [dtype, data] of integers) {
        const tensor = stored(dtype, data, [2, 1, 2]);
        const numbers = Array.from(data as ArrayLike<number | bigint>, Number);
        for (const target of ["float32", "int32"] as const) {
          const converted = tensor.to(target);
          expect([dtype, converted.dtype, converted.shape]).toEqual([dtype, target, [2, 1, 2]]);
          expect([dtype, ...converted.toArray()]).toEqual([dtype, ...numbers]);
        }
        expect(elements(tensor, "bool")).toEqual([0, 1, 1, 1]);
        for (const half of ["float16", "bfloat16"] as const) {
          expect(elements(tensor, half)).toEqual([...encode16(half, numbers)]);
        }
      }
    });
  });

  it("gives ids to embedding, and none for none", () => {
    withoutLeak(() => {
      const ids = stored("I64", BigInt64Array.of(2n, 0n)).to("int32");
      expect(embedding(ids, { data: [1, 2, 3], shape: [3, 1] }).toNested()).toEqual([[3], [1]]);
      expect(stored("I64", new BigInt64Array(0), [0, 3]).to("float16").shape).toEqual([0, 3]);
      expect(stored("F64", Float64Array.of(0.5), []).to("float32").item()).toBe(0.5);
    });
  });

  it("rounds integers of 64 bits once", () => {
    withoutLeak(() => {
      const signed = stored("I64", BigInt64Array.from([...largeIntegers, 2n ** 63n - 1n, -(2n ** 63n)]));
      const integers = [...largeIntegers, 2n ** 63n - 1n, -(2n ** 63n)];
      expect(elements(signed, "float32")).toEqual(bigAsFloats(integers, 24));
      expect(elements(signed, "bfloat16")).toEqual([...encode16("bfloat16", bigAsFloats(integers, 8))]);
      const positive = [...largeIntegers.filter((value) => value > 0n), 2n ** 64n - 1n, 2n ** 63n + 2n ** 39n + 1n];
      const unsigned = stored("U64", BigUint64Array.from(positive));
      expect(elements(unsigned, "float32")).toEqual(bigAsFloats(positive, 24));
      expect(elements(unsigned, "bfloat16")).toEqual([...encode16("bfloat16", bigAsFloats(positive, 8))]);
      const words = positive.filter((value) => value < 2n ** 32n);
      expect(elements(stored("U32", Uint32Array.from(words, Number)), "float32")).toEqual(bigAsFloats(words, 24));
    });
  });

  it("rounds float64 once", () => {
    withoutLeak(() => {
      const numbers = [
        0.1,
        -0.1,
        1 / 3,
        65519.999999999,
        1 + 2 ** -11 + 2 ** -40,
        1 + 2 ** -8 + 2 ** -40,
        1e-7,
        -1e-45,
      ];
      numbers.push(2 ** -25, 2 ** -25 + 2 ** -60, 1e-300, 5e-324, -5e-324, 0, -0, NaN, Infinity, -Infinity);
      const tensor = stored("F64", Float64Array.from(numbers));
      expect(elements(tensor, "float32")).toEqual(numbers.map(Math.fround));
      for (const half of ["float16", "bfloat16"] as const) {
        expect(elements(tensor, half)).toEqual([...encode16(half, numbers)]);
      }
      const large = [(2 - 2 ** -24) * 2 ** 127 * (1 - 2 ** -53), -(2 ** 127) * 1.5];
      expect(elements(stored("F64", Float64Array.from(large)), "float32")).toEqual(large.map(Math.fround));
      expect(elements(stored("F64", Float64Array.of(NaN, -0, 0.25, -Infinity)), "bool")).toEqual([1, 0, 1, 1]);
      const fractions = Float64Array.of(2147483647.9, -2147483648.9, -0.5, 1e-300);
      expect(elements(stored("F64", fractions), "int32")).toEqual([2 ** 31 - 1, -(2 ** 31), 0, 0]);
    });
  });

  it("decodes 8-bit floats", () => {
    // Micikevicius et al. 2022, "FP8 formats for deep learning", table 1.
    const bytes = Uint8Array.from({ length: 256 }, (_, byte) => byte);
    const decode = (byte: number, mantissaBits: number, bias: number): number => {
      const exponent = (byte & 0x7f) >> mantissaBits;
      const fraction = (byte % 2 ** mantissaBits) / 2 ** mantissaBits;
      const magnitude = exponent === 0 ? fraction * 2 ** (1 - bias) : (1 + fraction) * 2 ** (exponent - bias);
      return byte < 0x80 ? magnitude : -magnitude;
    };
    const e4m3 = [...bytes].map((byte) => ((byte & 0x7f) === 0x7f ? NaN : decode(byte, 3, 7)));
    const e5m2 = [...bytes].map((byte) => {
      const magnitude = byte & 0x7f;
      if (magnitude > 0x7c) return NaN;
      return magnitude === 0x7c ? Infinity * (byte < 0x80 ? 1 : -1) : decode(byte, 2, 15);
    });
    expect([e4m3[0x7e], e4m3[1], e5m2[0x7b], e5m2[0x81]]).toEqual([448, 2 ** -9, 57344, -(2 ** -16)]);
    withoutLeak(() => {
      expect(elements(stored("F8_E4M3", bytes), "float32")).toEqual(e4m3);
      expect(elements(stored("F8_E5M2", bytes), "float32")).toEqual(e5m2);
      const asNumbers = (bits: number[], value: (bits: number) => number): number[] => bits.map(value);
      expect(asNumbers(elements(stored("F8_E4M3", bytes), "float16"), float16Value)).toEqual(e4m3);
      expect(asNumbers(elements(stored("F8_E5M2", bytes), "bfloat16"), bfloat16Value)).toEqual(e5m2);
      expect(elements(stored("F8_E4M3", Uint8Array.of(0xb9, 0x7e, 0x80)), "int32")).toEqual([-1, 448, 0]);
    });
  });

  describe("refuses", () => {
    const range = "ERR_INVALID_VALUE";
    // prettier-ignore
    const outside: [string, Data, DType, string][] = [
      ["I64", BigInt64Array.of(1n, 2n ** 31n), "int32", "element 1: expected a number within the range of int32, got 2147483648n"],
      ["I64", BigInt64Array.of(-(2n ** 31n) - 1n), "int32", "got -2147483649n"],
      ["U64", BigUint64Array.of(2n ** 64n - 1n), "int32", "got 18446744073709551615n"],
      ["U32", Uint32Array.of(2 ** 31), "int32", "got 2147483648"],
      ["F64", Float64Array.of(2147483648), "int32", "got 2147483648"],
      ["F64", Float64Array.of(-2147483649), "int32", "got -2147483649"],
      ["F64", Float64Array.of(NaN), "int32", "got NaN"],
      ["F64", Float64Array.of(Infinity), "int32", "got Infinity"],
      ["F64", Float64Array.of((2 - 2 ** -24) * 2 ** 127), "float32", "within the range of float32, got 3.4028235677973366e+38"],
      ["F64", Float64Array.of(-1e300), "float32", "got -1e+300"],
      ["F64", Float64Array.of(0, -65520), "float16", "element 1: expected a number within the range of float16, got -65520"],
      ["F64", Float64Array.of((2 - 2 ** -8) * 2 ** 127), "bfloat16", "within the range of bfloat16, got 3.39617752923046e+38"],
      ["U32", Uint32Array.of(65520), "float16", "got 65520"],
      ["I64", BigInt64Array.of(-(2n ** 60n) - 1n), "float16", "got -1152921504606846977n"],
    ];
    it.each(outside)("%s %s as %s", (dtype, data, target, message) => {
      const tensor = stored(dtype, data);
      const error = expectThrowsWithoutLeak(
        () => tensor.to(target),
        RangeError,
        range,
        /^UnsupportedTensor\.to: this, el/,
      );
      expect(String(error)).toContain(message);
    });

    it("formats without a conversion, and dtypes that there are not", () => {
      const names =
        /^UnsupportedTensor\.to: this: expected one of I8, U8, I16, U16, U32, I64, U64, F64, F8_E4M3, F8_E5M2, got "/;
      for (const format of ["F4", "C64", "F8_E8M0", "F8_E4M3FNUZ"]) {
        const tensor = stored(format, new Uint8Array(8), [format === "F4" ? 16 : format === "C64" ? 1 : 8]);
        expectThrows(() => tensor.to("float32"), TypeError, "ERR_INVALID_TYPE", names);
      }
      const tensor = stored("F64", Float64Array.of(1));
      const message = /^UnsupportedTensor\.to: dtype: expected one of float32, .* got "float64"$/;
      expectThrows(() => tensor.to("float64" as DType), TypeError, "ERR_INVALID_TYPE", message);
      expectThrows(() => tensor.to(undefined as never), TypeError, "ERR_INVALID_TYPE", /dtype: .* got undefined$/);
    });

    it("more than the memory holds, and leaves none", () => {
      const wide = stored("F64", new Float64Array(0), [0, 2 ** 40]);
      expectThrowsWithoutLeak(
        () => wide.to("float32"),
        RangeError,
        "ERR_SHAPE",
        /^UnsupportedTensor\.to: this\.shape: /,
      );
    });
  });

  it("belongs to the scope, and leaves the entry as it is", () => {
    const before = memoryUsage().bytesInUse;
    const tensor = stored("I16", Int16Array.of(3));
    withoutLeak(() => {
      expect(tensor.to("int32")).toBeInstanceOf(Tensor);
    });
    expect(tensor).toMatchObject({ dtype: "I16", shape: [1], bytes: Uint8Array.of(3, 0) });
    expect(memoryUsage().bytesInUse).toBe(before);
  });
});
