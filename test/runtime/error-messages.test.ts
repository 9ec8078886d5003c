import { describe, expect, test } from "vitest";
import { checkChoice, checkInteger, checkNumber, checkOptions, checkSeed } from "../../ts/arguments.js";
import { AttentionError } from "../../ts/entry/default.js";
import { rangeError, shapeError, typeError } from "../../ts/errors.js";
import { show } from "../../ts/show.js";
import { expectThrows } from "../support/expect-error.js";

test("errors name the operation, the argument, the expectation and the value", () => {
  expect(typeError("softmax", "input", "a Tensor", "no").message).toBe('softmax: input: expected a Tensor, got "no"');
  expect(rangeError("linear", "rows", "at least 1", 0)).toMatchObject({
    name: "RangeError",
    code: "ERR_INVALID_VALUE",
  });
  expect(shapeError("linear", "weight", "shape [E, 64]", [3, 5])).toMatchObject({
    name: "RangeError",
    code: "ERR_SHAPE",
    message: "linear: weight: expected shape [E, 64], got [3, 5]",
  });
});

test("an AttentionError carries its code and cause", () => {
  const cause = new Error("below");
  const error = new AttentionError("ERR_NO_SIMD", "above", { cause });
  expect(error).toMatchObject({ name: "AttentionError", code: "ERR_NO_SIMD", message: "above", cause });
  expect(String(error)).toBe("AttentionError: above");
});

describe("values are shown shortly and safely", () => {
  const cyclic: unknown[] = [];
  cyclic.push(cyclic);
  const hostile = new Proxy(
    {},
    {
      get: () => {
        throw new Error("no");
      },
      getOwnPropertyDescriptor: () => {
        throw new Error("no");
      },
      ownKeys: () => {
        throw new Error("no");
      },
    },
  );
  test.each<[string, unknown, string]>([
    ["a long string", "x".repeat(1000), `"${"x".repeat(40)}…"`],
    ["a line break", "a\nb", '"a\\nb"'],
    ["numbers", [1.5, -0, NaN, Infinity], "[1.5, -0, NaN, Infinity]"],
    ["a long array", Array.from({ length: 100 }, () => 7), "[7, 7, 7, 7, 7, 7, 7, 7, … 100 in all]"],
    ["nested arrays", [[[[1]]]], "[[[…]]]"],
    ["a cycle", cyclic, "[[[…]]]"],
    ["a huge sparse array", new Array(2 ** 32 - 1), `[${"undefined, ".repeat(8)}… 4294967295 in all]`],
    ["a typed array", new Float64Array(3), "Float64Array(3)"],
    ["a DataView", new DataView(new ArrayBuffer(3)), "DataView(3)"],
    ["an object", { data: 1, "odd key": 2 }, '{ data, "odd key" }'],
    ["an object of a class", new Map(), "Map"],
    ["a bigint", 10n ** 100n, `1${"0".repeat(39)}…n`],
    ["a symbol", Symbol("s"), "Symbol(s)"],
    ["a function", () => 1, "a function"],
    ["nothing", null, "null"],
    ["undefined", undefined, "undefined"],
    ["an object that throws", hostile, "a value that cannot be shown"],
  ])("%s", (_, value, text) => {
    expect(show(value)).toBe(text);
  });
});

describe("options", () => {
  interface Options {
    isCausal?: boolean;
    attnMask?: number;
  }
  const check = (options: unknown): Partial<Options> =>
    checkOptions<Options>("sdpa", options as Options, ["isCausal", "attnMask"]);

  test("may be left out", () => {
    expect(check(undefined)).toEqual({});
    expect(check({ isCausal: true })).toEqual({ isCausal: true });
  });

  test.each([
    ["is_causal", /unknown option "is_causal"; did you mean isCausal\?/],
    ["atnMask", /did you mean attnMask\?/],
    ["isCasual", /did you mean isCausal\?/],
    ["temperature", /unknown option "temperature"; the options are isCausal, attnMask$/],
  ])("unknown: %s", (name, message) => {
    expectThrows(() => check({ [name]: 1 }), TypeError, "ERR_INVALID_TYPE", message);
  });

  test.each([[null], [3], [true], [[]], ["isCausal"]])("that are no object: %j", (options) => {
    expectThrows(() => check(options), TypeError, "ERR_INVALID_TYPE", /sdpa: options: expected an object, got/);
  });
});

describe("numbers", () => {
  test("have to be finite in float32 and within the range", () => {
    expect(checkNumber("op", "scale", -0.5)).toBe(-0.5);
    expect(checkNumber("op", "dropoutP", 1, 0, 1)).toBe(1);
    const wrong = (value: unknown, kind: typeof TypeError | typeof RangeError): void => {
      const code = kind === TypeError ? "ERR_INVALID_TYPE" : "ERR_INVALID_VALUE";
      expectThrows(
        () => checkNumber("op", "p", value, 0, 1),
        kind,
        code,
        /^op: p: expected a finite float32 number from 0/,
      );
    };
    for (const value of ["1", null, undefined, 1n, true]) wrong(value, TypeError);
    for (const value of [NaN, Infinity, -Infinity, 1e39, -1e-9, 1.1]) wrong(value, RangeError);
  });

  test("have to be integers where that is said", () => {
    expect(checkInteger("op", "n", 2 ** 53 - 1)).toBe(2 ** 53 - 1);
    for (const value of [0.5, NaN, Infinity, 2 ** 53, -2]) {
      expectThrows(
        () => checkInteger("op", "n", value, -1),
        RangeError,
        "ERR_INVALID_VALUE",
        /expected an integer of at least -1/,
      );
    }
    expectThrows(() => checkInteger("op", "n", "1"), TypeError, "ERR_INVALID_TYPE", /expected an integer, got "1"/);
    expectThrows(() => checkInteger("op", "n", 9, undefined, 8), RangeError, "ERR_INVALID_VALUE", /at most 8, got 9/);
  });

  test("choices", () => {
    expect(checkChoice("op", "layout", "BLHD", ["BHLD", "BLHD"])).toBe("BLHD");
    const message = /op: layout: expected "BHLD" or "BLHD", got/;
    expectThrows(() => checkChoice("op", "layout", "HBLD", ["BHLD", "BLHD"]), RangeError, "ERR_INVALID_VALUE", message);
    expectThrows(() => checkChoice("op", "layout", 1, ["BHLD", "BLHD"]), TypeError, "ERR_INVALID_TYPE", message);
  });
});

describe("seeds", () => {
  test("become two words of 32 bits", () => {
    expect(checkSeed("op", "seed", 2 ** 32 + 7)).toEqual({ low: 7, high: 1 });
    expect(checkSeed("op", "seed", 2 ** 53 - 1)).toEqual({ low: 2 ** 32 - 1, high: 2 ** 21 - 1 });
    expect(checkSeed("op", "seed", 2n ** 64n - 1n)).toEqual({ low: 2 ** 32 - 1, high: 2 ** 32 - 1 });
  });

  test("are refused out of range", () => {
    for (const seed of [-1, 0.5, 2 ** 53, NaN, -1n, 2n ** 64n]) {
      expectThrows(
        () => checkSeed("op", "seed", seed),
        RangeError,
        "ERR_INVALID_VALUE",
        /op: seed: expected an integer/,
      );
    }
    expectThrows(() => checkSeed("op", "seed", "1"), TypeError, "ERR_INVALID_TYPE", /got "1"/);
  });
});
