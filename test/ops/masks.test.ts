/** Masks as callers have them: plain arrays, tokenizers' 64-bit integers, tensors; in attention and in the layers. */
import { describe, expect, it } from "vitest";
import {
  type MaskLike,
  MultiheadAttention,
  scaledDotProductAttention,
  SelfAttention,
  Tensor,
  type TensorLike,
} from "../../ts/entry/default.js";
import { forEachArithmetic } from "../support/arithmetics.js";
import { expectThrowsWithoutLeak, withoutLeak } from "../support/without-leak.js";

/** [2, 3]: in both batches all but one key is hidden, where 1 attends. */
const FLAGS = [[0, 1, 0], [0, 0, 1]]; // prettier-ignore
const flat = FLAGS.flat();

/** The forms of a boolean mask of these rows; `reshaped` ones are of a shape that must be said. */
function formsOf(rows: readonly number[][]): { nested: MaskLike[]; reshaped: (shape: number[]) => TensorLike[] } {
  const numbers = rows.flat();
  return {
    nested: [rows, rows.map((row) => row.map(BigInt)), rows.map((row) => row.map((flag) => flag === 1))],
    reshaped: (shape) => [
      { data: BigInt64Array.from(numbers, BigInt), shape },
      { data: BigUint64Array.from(numbers, BigInt), shape },
      { data: numbers.map(BigInt), shape },
      { data: rows.map((row) => row.map(BigInt)), shape },
      { data: numbers, shape, dtype: "bool" },
      { data: Uint8Array.from(numbers), shape },
      { data: BigInt64Array.from(numbers, (flag) => BigInt(flag * 9)), shape, dtype: "bool" },
      Tensor.from(Int32Array.from(numbers), shape).to("bool"),
      Tensor.from(BigInt64Array.from(numbers, BigInt), shape, "bool"),
    ],
  };
}

const flatForms = (flags: readonly number[]): MaskLike[] => [
  [...flags],
  flags.map(BigInt),
  flags.map((flag) => flag === 1),
  Uint8Array.from(flags),
  BigInt64Array.from(flags, BigInt),
  BigUint64Array.from(flags, BigInt),
];

const data = (length: number): Float32Array => Float32Array.from({ length }, (_, index) => ((index * 37) % 23) / 8 - 1);

forEachArithmetic(() => {
  describe("scaledDotProductAttention: 1 and true attend", () => {
    const value = { data: [10, 20, 30, 40, 50, 60], shape: [2, 1, 3, 1] };
    const query = { data: data(4), shape: [2, 1, 2, 1] };
    const key = { data: data(6), shape: [2, 1, 3, 1] };
    const attend = (attnMask: MaskLike): unknown =>
      scaledDotProductAttention(query, key, value, { attnMask }).output.toNested();

    it("in a batch's padding mask, as tokenizers give it", () => {
      withoutLeak(() => {
        for (const mask of formsOf(FLAGS).reshaped([2, 1, 1, 3])) {
          expect(attend(mask)).toEqual([[[[20], [20]]], [[[60], [60]]]]);
        }
      });
    });

    it("in nested arrays of rows and keys", () => {
      withoutLeak(() => {
        for (const mask of [...formsOf(FLAGS).nested, ...formsOf(FLAGS).reshaped([2, 3])]) {
          expect(attend(mask)).toEqual([[[[20], [30]]], [[[50], [60]]]]);
        }
        expect(attend([[FLAGS]])).toEqual([[[[20], [30]]], [[[50], [60]]]]);
      });
    });

    it("in flat arrays of keys", () => {
      withoutLeak(() => {
        for (const mask of flatForms([0, 0, 1])) expect(attend(mask)).toEqual([[[[30], [30]]], [[[60], [60]]]]);
        // A Uint8Array is bool as everywhere: anything but 0 is true.
        expect(attend(Uint8Array.of(0, 0, 255))).toEqual([[[[30], [30]]], [[[60], [60]]]]);
      });
    });

    it("but numbers in { data, shape } are added to the scores", () => {
      withoutLeak(() => {
        const added = attend({ data: flat, shape: [2, 1, 1, 3] });
        expect(added).toEqual(attend({ data: Float32Array.from(flat), shape: [2, 1, 1, 3] }));
        expect(added).not.toEqual(attend({ data: flat, shape: [2, 1, 1, 3], dtype: "bool" }));
        const hiding = flat.map((flag) => (flag === 1 ? 0 : -Infinity));
        expect(attend({ data: hiding, shape: [2, 1, 1, 3] })).toEqual([[[[20], [20]]], [[[60], [60]]]]);
      });
    });
  });

  describe("layers: 1 and true hide", () => {
    const x = { data: data(2 * 3 * 4), shape: [2, 3, 4] };
    const outputs = (mask: (form: MaskLike) => object, forms: readonly MaskLike[]): void => {
      withoutLeak(() => {
        const layer = new SelfAttention(4, 2);
        const attention = new MultiheadAttention(4, 2, { batchFirst: true });
        attention.loadStateDict(layer.stateDict());
        const results = forms.flatMap((form) => [
          layer.forward(x, mask(form)).output.toArray(),
          attention.forward(x, x, x, mask(form)).output.toArray(),
        ]);
        for (const result of results) expect(result).toEqual(results[0]);
        layer.dispose();
        attention.dispose();
      });
    };

    it("in keyPaddingMask, as a bool tensor does", () => {
      withoutLeak(() => {
        const bool = Tensor.from(Uint8Array.from(flat), [2, 3]);
        outputs(
          (keyPaddingMask) => ({ keyPaddingMask }),
          [bool, ...formsOf(FLAGS).nested, ...formsOf(FLAGS).reshaped([2, 3])],
        );
      });
    });

    it("in attnMask, as a bool tensor does", () => {
      withoutLeak(() => {
        const causal = [[0, 1, 1], [0, 0, 1], [0, 0, 0]]; // prettier-ignore
        const bool = Tensor.from(Uint8Array.from(causal.flat()), [3, 3]);
        const forms = [bool, ...formsOf(causal).nested, ...formsOf(causal).reshaped([3, 3])];
        outputs((attnMask) => ({ attnMask }), forms);
        // Both masks together, and beside a float one.
        outputs((attnMask) => ({ attnMask, keyPaddingMask: FLAGS }), forms);
        outputs((attnMask) => ({ attnMask, keyPaddingMask: { data: [0, 1, 0, 2, 0, 3], shape: [2, 3] } }), forms);
      });
    });

    it("in flat arrays for unbatched inputs, with the weights of the hidden keys 0", () => {
      withoutLeak(() => {
        const layer = new SelfAttention(4, 2);
        for (const keyPaddingMask of flatForms([1, 0, 1])) {
          const { weights } = layer.forward({ data: data(12), shape: [3, 4] }, { keyPaddingMask, needWeights: true });
          expect(weights?.toNested()).toEqual([[0, 1, 0], [0, 1, 0], [0, 1, 0]]); // prettier-ignore
        }
        layer.dispose();
      });
    });
  });

  describe("refused:", () => {
    const invalid = "ERR_INVALID_VALUE";
    const flag = (argument: string, value: string): RegExp =>
      new RegExp(
        `: ${argument}: expected 0 or 1 \\(a float mask goes as a Tensor or \\{ data, shape \\}\\), got ${value}$`,
      );
    // prettier-ignore
    const cases: [string, unknown, typeof TypeError | typeof RangeError, "ERR_INVALID_TYPE" | "ERR_INVALID_VALUE" | "ERR_SHAPE", (argument: string) => RegExp][] = [
      ["other numbers", [0, 1, -Infinity], RangeError, invalid, (name) => flag(`${name}, element 2`, "-Infinity")],
      ["NaN", [[0, NaN, 1]], RangeError, invalid, (name) => flag(`${name}, element 1`, "NaN")],
      ["other bigints", [0n, 1n, 2n], RangeError, invalid, (name) => flag(`${name}, element 2`, "2n")],
      ["other 64-bit integers", BigInt64Array.of(-1n, 1n, 0n), RangeError, invalid, (name) => flag(`${name}, element 0`, "-1n")],
      ["such with a shape", { data: BigInt64Array.of(0n, 1n, 2n), shape: [3] }, RangeError, invalid, (name) => flag(`${name}\\.data, element 2`, "2n")],
      ["nested bigints with a shape", { data: [[0n, 3n, 1n]], shape: [3] }, RangeError, invalid, (name) => flag(`${name}\\.data, element 1`, "3n")],
      ["numbers and booleans", [1, true, 0], TypeError, "ERR_INVALID_TYPE", (name) => new RegExp(`${name}: expected numbers only, got true$`)],
      ["texts", ["1", "0", "1"], TypeError, "ERR_INVALID_TYPE", (name) => new RegExp(`${name}: expected numbers, bigints or booleans, got "1"$`)],
      ["a Float32Array", new Float32Array(3), TypeError, "ERR_INVALID_TYPE", (name) => new RegExp(`${name}: expected a Tensor, \\{ data, shape \\}, or an array of booleans or of 0 and 1, got Float32Array\\(3\\)$`)],
      ["an Int32Array", new Int32Array(3), TypeError, "ERR_INVALID_TYPE", (name) => new RegExp(`${name}: expected a Tensor, .*got Int32Array\\(3\\)$`)],
      ["a text", "causal", TypeError, "ERR_INVALID_TYPE", (name) => new RegExp(`${name}: expected a Tensor, .*got "causal"$`)],
      ["null", null, TypeError, "ERR_INVALID_TYPE", (name) => new RegExp(`${name}: expected a Tensor, .*got null$`)],
      ["true", true, TypeError, "ERR_INVALID_TYPE", (name) => new RegExp(`${name}: expected a Tensor, .*got true$`)],
      ["int32", { data: new Int32Array(3), shape: [3] }, TypeError, "ERR_INVALID_TYPE", (name) => new RegExp(`${name}: expected bool, float32.* \\(of 0 and 1: \\.to\\("bool"\\)\\), got "int32"$`)],
      ["bigints that are said to be int32", { data: BigInt64Array.of(0n, 1n, 1n), shape: [3], dtype: "int32" }, TypeError, "ERR_INVALID_TYPE", (name) => new RegExp(`${name}: expected bool, .*got "int32"$`)],
      ["ragged arrays", [[1, 0, 1], [1]], RangeError, "ERR_SHAPE", (name) => new RegExp(`${name}: expected an array of 3`)],
      ["another length", [1, 0], RangeError, "ERR_SHAPE", (name) => new RegExp(`${name}: expected .*got \\[2\\]$`)],
      ["nothing in it", [], RangeError, "ERR_SHAPE", (name) => new RegExp(`${name}: expected .*got \\[0\\]$`)],
    ];
    it.each(cases)("%s", (_, mask, kind, code, message) => {
      withoutLeak(() => {
        const x = { data: data(12), shape: [3, 4] };
        const layer = new SelfAttention(4, 2);
        const attnMask = mask as MaskLike;
        expectThrowsWithoutLeak(
          () => scaledDotProductAttention(x, x, x, { attnMask }),
          kind,
          code,
          message("attnMask"),
        );
        expectThrowsWithoutLeak(() => layer.forward(x, { attnMask }), kind, code, message("attnMask"));
        const padding = { keyPaddingMask: attnMask };
        expectThrowsWithoutLeak(() => layer.forward(x, padding), kind, code, message("keyPaddingMask"));
        layer.dispose();
      });
    });

    it("a detached array", () => {
      withoutLeak(() => {
        const x = { data: data(12), shape: [3, 4] };
        for (const attnMask of [new Uint8Array(3), new BigInt64Array(3)]) {
          structuredClone(attnMask.buffer, { transfer: [attnMask.buffer] });
          const call = (): unknown => scaledDotProductAttention(x, x, x, { attnMask });
          expectThrowsWithoutLeak(call, TypeError, "ERR_INVALID_TYPE", /attnMask.*: the \w+Array is detached/);
        }
      });
    });
  });
});
