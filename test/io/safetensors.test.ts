/** loadSafetensors and saveSafetensors: the format to the byte, broken files, dtypes that are not computed with. */
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  AttentionError,
  init,
  linear,
  loadSafetensors,
  memoryUsage,
  type Runtime,
  saveSafetensors,
  scope,
  softmax,
  Tensor,
  type UnsupportedTensor,
} from "../../ts/entry/default.js";
import { dataSeeds, floatTypes, leadingAxes, randomOperand } from "../cases/layer-operands.js";
import { STORED_FILES, storedFile } from "../conformance/stored-file.js";
import { expectThrows } from "../support/expect-error.js";
import { expectThrowsWithoutLeak, withoutLeak } from "../support/without-leak.js";

let runtime: Runtime;
beforeAll(async () => {
  runtime = await init();
});
afterAll(() => runtime.dispose());

/** As Node's Buffer is one. */
class Subclass extends Uint8Array<ArrayBuffer> {}

/** A file of this header (text, or what JSON makes of an object) and data. */
function file(header: unknown, data: ArrayLike<number> = [], length?: bigint): Uint8Array<ArrayBuffer> {
  const json = new TextEncoder().encode(typeof header === "string" ? header : JSON.stringify(header));
  const bytes = new Uint8Array(8 + json.length + data.length);
  new DataView(bytes.buffer).setBigUint64(0, length ?? BigInt(json.length), true);
  bytes.set(json, 8);
  bytes.set(data, 8 + json.length);
  return bytes;
}

const entry = (dtype: string, shape: unknown, ...offsets: unknown[]): unknown => ({
  dtype,
  shape,
  data_offsets: offsets,
});

const zeros = (length: number): Uint8Array => new Uint8Array(length);

/** An entry that must be a tensor. */
function tensorOf(entries: Map<string, Tensor | UnsupportedTensor>, name: string): Tensor {
  const tensor = entries.get(name);
  if (!(tensor instanceof Tensor)) throw new Error(`${name} is no tensor`);
  return tensor;
}

describe("saveSafetensors", () => {
  it("writes what the reference implementation writes", () => {
    withoutLeak(() => {
      // From safetensors 0.8.0: safetensors.numpy.save of the same tensors.
      const expected =
        '{"__metadata__":{"format":"np"},' +
        '"b":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]},"c\\"é":{"dtype":"F32","shape":[],"data_offsets":[8,12]},' +
        '"i":{"dtype":"I32","shape":[1],"data_offsets":[12,16]},"h":{"dtype":"F16","shape":[1],"data_offsets":[16,18]},' +
        '"10":{"dtype":"BOOL","shape":[3],"data_offsets":[18,21]},"9":{"dtype":"BOOL","shape":[0,4],"data_offsets":[21,21]}}';
      const saved = saveSafetensors(
        {
          9: { data: new Uint8Array(0), shape: [0, 4] },
          10: { data: [true, false, true], shape: [3] },
          h: { data: new Uint16Array([0x3c01]), shape: [1], dtype: "float16" },
          i: { data: new Int32Array([-2]), shape: [1] },
          'c"é': { data: [0.5], shape: [] },
          b: { data: [1, -2], shape: [1, 2] },
        },
        { format: "np" },
      );
      const data = [0, 0, 128, 63, 0, 0, 0, 192, 0, 0, 0, 63, 254, 255, 255, 255, 1, 60, 1, 0, 1];
      const length = new TextEncoder().encode(expected).length;
      const padding = " ".repeat((8 - (length % 8)) % 8);
      expect(padding.length).toBeGreaterThan(0);
      expect(saved).toEqual(file(expected + padding, data));
    });
  });

  it("writes an empty file as the reference implementation does", () => {
    expect(saveSafetensors({})).toEqual(file("{}      "));
    expect(saveSafetensors(new Map(), {})).toEqual(file("{}      "));
  });

  it("gives the same bytes whatever the order of tensors and texts", () => {
    withoutLeak(() => {
      const tensors = new Map(
        (["b", "a", "\u{10000}", "\uffee", "aa"] as const).map((name) => [name, Tensor.from(new Float32Array(1))]),
      );
      const saved = saveSafetensors(tensors, { y: "1", x: "2" });
      const reversed = saveSafetensors(new Map([...tensors].reverse()), { x: "2", y: "1" });
      expect(reversed).toEqual(saved);
      // The order of UTF-8, in which a code point above the basic plane comes last.
      expect([...loadSafetensors(saved).tensors.keys()]).toEqual(["a", "aa", "b", "\uffee", "\u{10000}"]);
    });
  });

  describe("refuses", () => {
    const save = saveSafetensors as (tensors: unknown, metadata?: unknown) => unknown;
    const one = { data: [1], shape: [1] };
    // prettier-ignore
    const cases: [string, () => unknown, typeof TypeError | typeof RangeError, string, RegExp][] = [
      ["no tensors", () => save(undefined), TypeError, "ERR_INVALID_TYPE", /tensors: .*got undefined/],
      ["a list", () => save([one]), TypeError, "ERR_INVALID_TYPE", /tensors: .*Map or an object/],
      ["a tensor", () => scope(() => save(Tensor.from(new Float32Array(1)))), TypeError, "ERR_INVALID_TYPE", /tensors: .*got Tensor float32/],
      ["a name that is no string", () => save(new Map([[1, one]])), TypeError, "ERR_INVALID_TYPE", /tensors: .*strings, got 1/],
      ["an array as a tensor", () => save({ w: [1] }), TypeError, "ERR_INVALID_TYPE", /tensors, "w": .*got \[1\]/],
      ["the name of the metadata", () => save({ __metadata__: one }), RangeError, "ERR_INVALID_VALUE", /tensors: .*"__metadata__"/],
      ["half a surrogate pair", () => save({ "\ud800": one }), RangeError, "ERR_INVALID_VALUE", /tensors: .*Unicode/],
      ["such a text", () => save({}, { a: "\udc00" }), RangeError, "ERR_INVALID_VALUE", /metadata.a: .*Unicode/],
      ["numbers as metadata", () => save({}, { step: 1 }), TypeError, "ERR_INVALID_TYPE", /metadata.step: .*string, got 1/],
      ["a text as metadata", () => save({}, "pt"), TypeError, "ERR_INVALID_TYPE", /metadata: .*got "pt"/],
      ["a Map as metadata", () => save({}, new Map()), TypeError, "ERR_INVALID_TYPE", /metadata: .*got Map/],
      ["a header over 100 MB", () => save({}, { a: "x".repeat(100_000_000) }), RangeError, "ERR_INVALID_VALUE", /at most 100000000/],
    ];
    it.each(cases)("%s", (_, call, kind, code, message) => {
      withoutLeak(() => {
        expectThrowsWithoutLeak(call, kind, code as "ERR_INVALID_TYPE", message);
      });
    });

    it("a tensor that has been disposed", () => {
      const tensor = Tensor.from(new Float32Array(1));
      tensor.dispose();
      expectThrowsWithoutLeak(
        () => save({ good: one, w: tensor }),
        TypeError,
        "ERR_DISPOSED",
        /saveSafetensors: tensors, "w": /,
      );
    });
  });
});

describe("loadSafetensors", () => {
  it("reads every dtype that is computed with, wherever the data lies", () => {
    withoutLeak(() => {
      const header = {
        __metadata__: { format: "pt", note: "ü" },
        flags: entry("BOOL", [3], 0, 3),
        single: entry("F32", [], 3, 7),
        half: entry("F16", [1, 2], 7, 11),
        brain: entry("BF16", [1], 11, 13),
        whole: entry("I32", [2], 13, 21),
        none: entry("F32", [0, 7], 21, 21),
      };
      const data = [1, 0, 2, 0, 0, 0, 63, 1, 60, 0, 252, 128, 63, 254, 255, 255, 255, 255, 255, 255, 127];
      const { tensors, metadata } = loadSafetensors(file(header, data));
      expect(metadata).toEqual({ format: "pt", note: "ü" });
      const contents = [...tensors.keys()].map((name) => {
        const { dtype, shape } = tensorOf(tensors, name);
        return [name, dtype, shape, tensorOf(tensors, name).toArray()];
      });
      expect(contents).toEqual([
        ["flags", "bool", [3], new Uint8Array([1, 0, 1])],
        ["single", "float32", [], new Float32Array([0.5])],
        ["half", "float16", [1, 2], new Uint16Array([0x3c01, 0xfc00])],
        ["brain", "bfloat16", [1], new Uint16Array([0x3f80])],
        ["whole", "int32", [2], new Int32Array([-2, 2 ** 31 - 1])],
        ["none", "float32", [0, 7], new Float32Array(0)],
      ]);
    });
  });

  it("takes what the reference implementation takes besides", () => {
    // Each is taken by safetensors 0.8.0.
    const headers = [
      '{"__metadata__":null,"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}',
      '{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"more":{"shape":[1.0],"x":[-0,1e5,null,"1.0"]}}}  \n\t',
      '{"a":{"dtype":"F32","shape":[ 1 ],"more":1.5,"data_offsets":[0,4],"data":123456789012345678901234567890}}',
      '{ "shape" : { "data_offsets" : [0,4] , "dtype" : "F32" , "sh\\u0061pe" : [1] , "1.0" : -0.0 } }',
    ];
    for (const header of headers) {
      withoutLeak(() => {
        const { tensors, metadata } = loadSafetensors(file(header, [0, 0, 128, 63]));
        expect(metadata).toEqual({});
        expect([...tensors.values()].map((tensor) => (tensor as Tensor).toNested())).toEqual([[1]]);
      });
    }
  });

  it("takes bytes in many forms, and copies them", () => {
    withoutLeak(() => {
      const bytes = file({ a: entry("F32", [1], 0, 4) }, [0, 0, 128, 63]);
      const shifted = new Uint8Array(bytes.length + 3);
      shifted.set(bytes, 3);
      const shared =
        typeof SharedArrayBuffer === "undefined" ? [] : [new Uint8Array(new SharedArrayBuffer(bytes.length))];
      for (const array of shared) array.set(bytes);
      const inMemory = Tensor.from(new Uint16Array(64), [64], "float16").view();
      const own = new Uint8Array(inMemory.buffer, inMemory.byteOffset, bytes.length);
      own.set(bytes);
      const sharedForms = shared.flatMap((array) => [array, array.buffer]);
      for (const form of [own, bytes, bytes.buffer, shifted.subarray(3), ...sharedForms, Subclass.from(bytes)]) {
        const { tensors, metadata } = loadSafetensors(form as Uint8Array);
        expect(metadata).toEqual({});
        if (form === bytes) bytes.fill(0, bytes.length - 4);
        expect(tensorOf(tensors, "a").toArray()).toEqual(new Float32Array([1]));
        bytes.set([0, 0, 128, 63], bytes.length - 4);
      }
    });
  });

  it("reads a file that lies in the runtime's memory, which grows meanwhile", () => {
    withoutLeak(() => {
      const bytes = file({ a: entry("F32", [500_000], 0, 2_000_000) }, zeros(2_000_000).fill(63));
      const view = Tensor.from(new Uint16Array(bytes.length), [bytes.length], "float16").view();
      const own = new Uint8Array(view.buffer, view.byteOffset, bytes.length);
      own.set(bytes);
      const last = (): number | undefined => tensorOf(loadSafetensors(own).tensors, "a").toArray().at(-1);
      // Until the memory has grown, which detaches the file.
      while (own.length > 0) expect(last()).toBe(new Float32Array(new Uint32Array([0x3f3f3f3f]).buffer)[0]);
    });
  });

  it("keeps names that JavaScript's objects treat in their own way", () => {
    withoutLeak(() => {
      const names = ["b", "2", "__proto__", "1", "constructor", ""];
      const header = names.map(
        (name, at) => `${JSON.stringify(name)}:${JSON.stringify(entry("BOOL", [1], at, at + 1))}`,
      );
      const { tensors, metadata } = loadSafetensors(
        file(`{"__metadata__":{"__proto__":"x","0":"y"},${header.join(",")}}`, zeros(6)),
      );
      expect([...tensors.keys()]).toEqual(names);
      expect(Object.entries(metadata).sort()).toEqual([
        ["0", "y"],
        ["__proto__", "x"],
      ]);
      const again = loadSafetensors(saveSafetensors(tensors, metadata));
      expect([...again.tensors.keys()].sort()).toEqual([...names].sort());
      expect(Object.entries(again.metadata).sort()).toEqual(Object.entries(metadata).sort());
    });
  });

  it("reads the committed files, which the reference implementation wrote, and writes the same bytes", () => {
    for (const name of STORED_FILES) {
      withoutLeak(() => {
        const stored = storedFile(name);
        const { tensors, metadata } = loadSafetensors(stored);
        expect(tensors.size).toBeGreaterThan(5);
        expect(Object.keys(metadata)).toEqual(["cases"]);
        const written = saveSafetensors(tensors, metadata);
        expect(written.length).toBe(stored.length);
        expect(written.findIndex((byte, index) => byte !== stored[index])).toBe(-1);
      });
    }
  });

  it("gives back what saveSafetensors was given", () => {
    const recipes = fc.array(
      fc.record({
        name: fc.string({ unit: "binary" }).filter((name) => name !== "__metadata__"),
        dtype: floatTypes,
        shape: leadingAxes,
        dataSeed: dataSeeds,
      }),
      { maxLength: 6 },
    );
    const texts = fc.dictionary(fc.string({ unit: "binary" }), fc.string({ unit: "binary" }), { maxKeys: 4 });
    fc.assert(
      fc.property(recipes, texts, (entries, metadata) => {
        const operands = new Map(
          entries.map(({ name, dtype, shape, dataSeed }) => [name, randomOperand(dataSeed, dtype, shape)]),
        );
        withoutLeak(() => {
          const loaded = loadSafetensors(saveSafetensors(operands, metadata));
          expect(Object.entries(loaded.metadata).sort()).toEqual(Object.entries(metadata).sort());
          expect(new Set(loaded.tensors.keys())).toEqual(new Set(operands.keys()));
          for (const [name, { dtype, shape, data }] of operands) {
            const tensor = tensorOf(loaded.tensors, name);
            expect([tensor.dtype, tensor.shape, tensor.toArray()]).toEqual([dtype, shape, data]);
          }
        });
      }),
      { numRuns: 100 },
    );
  });

  describe("of a dtype that is not computed with", () => {
    const header = {
      w: entry("F32", [1], 0, 4),
      ids: entry("I64", [2], 4, 20),
      packed: entry("F4", [3, 2], 20, 23),
      // The product of the sizes before the 0 is more than a number can hold.
      none: entry("F64", [...Array<number>(21).fill(2 ** 50), 0], 23, 23),
    };
    const bytes = file(header, [0, 0, 128, 63, ...Array.from({ length: 19 }, (_, n) => n)]);

    it("lists dtype, shape and bytes", () => {
      withoutLeak(() => {
        const { tensors } = loadSafetensors(bytes);
        expect([...tensors.keys()]).toEqual(["w", "ids", "packed", "none"]);
        expect(tensors.get("ids")).toMatchObject({ dtype: "I64", shape: [2] });
        expect((tensors.get("ids") as UnsupportedTensor).bytes).toEqual(bytes.slice(-19, -3));
        expect(tensors.get("packed")).toMatchObject({ dtype: "F4", shape: [3, 2] });
      });
    });

    it("is refused by operations, with its dtype and shape", () => {
      withoutLeak(() => {
        const { tensors } = loadSafetensors(bytes);
        const ids = tensors.get("ids") as unknown as Tensor;
        const message = (call: string): RegExp => new RegExp(`^${call}: .*got UnsupportedTensor I64 \\[2\\]`);
        expectThrowsWithoutLeak(() => softmax(ids), TypeError, "ERR_INVALID_TYPE", message("softmax: input"));
        expectThrowsWithoutLeak(
          () => linear(tensorOf(tensors, "w"), { data: [1], shape: [1, 1] }, ids),
          TypeError,
          "ERR_INVALID_TYPE",
          message("linear: bias"),
        );
        expectThrowsWithoutLeak(
          () => Tensor.from(ids as never),
          TypeError,
          "ERR_INVALID_TYPE",
          message("Tensor.from: data"),
        );
      });
    });

    it("is saved as it was, and can be disposed like the others", () => {
      withoutLeak(() => {
        const { tensors } = loadSafetensors(bytes);
        const again = loadSafetensors(saveSafetensors(tensors));
        expect([...again.tensors.keys()]).toEqual(["ids", "none", "w", "packed"]);
        expect(again.tensors.get("ids")).toEqual(tensors.get("ids"));
        for (const tensor of tensors.values()) tensor.dispose();
        expect(tensorOf(tensors, "w").disposed).toBe(true);
      });
    });
  });

  describe("refuses a broken file:", () => {
    const good = entry("F32", [1], 0, 4);
    // prettier-ignore
    const cases: [string, Uint8Array, RegExp][] = [
      ["empty", zeros(0), /at least 8 bytes.*got 0/],
      ["shorter than the length of the header", zeros(7), /at least 8 bytes.*got 7/],
      ["a header of no bytes", zeros(8), /begins with "{", got ""/],
      ["a header over 100 MB", file("{}", [], 100_000_001n), /at most 100000000 bytes, got one of 100000001/],
      ["a header length of 64 bits", file("{}", [], 2n ** 64n - 1n), /got one of 18446744073709551615/],
      ["cut off in the header", file({ a: good }, [], 1000n), /header of 1000 bytes, got \d+: the file is cut off/],
      ["text", new TextEncoder().encode("not a safetensors file"), /not a safetensors file\?/],
      ["a header that is a list", file("[]"), /begins with "{", got "\["/],
      ["a header after a space", file(" {}"), /begins with "{", got " "/],
      ["a byte order mark", file("\ufeff{}"), /begins with "{"/],
      ["no UTF-8", file("{}", [], 2n).fill(0xff, 9, 10), /not UTF-8/],
      ["no JSON", file('{"a":}'), /not JSON/],
      ["rubbish after the JSON", file("{}\0"), /not JSON/],
      ["a name twice", file('{"a":{"dtype":"F32","shape":[0],"data_offsets":[0,0]},"\\u0061":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}'), /has "a" twice/],
      ["a name with quotes and backslashes twice", file('{"\\\\\\"a":{"dtype":"F32","shape":[0],"data_offsets":[0,0]},"\\\\\\"a":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}'), /has ".*a" twice/],
      ["a field twice", file('{"a":{"dtype":"F32","dtype":"F32","shape":[1],"data_offsets":[0,4]}}', zeros(4)), /has "dtype" twice/],
      ["metadata twice", file('{"__metadata__":{},"__metadata__":{}}'), /has "__metadata__" twice/],
      ["a text of the metadata twice", file('{"__metadata__":{"a":"1","a":"2"}}'), /has "a" twice/],
      ["metadata that is a text", file({ __metadata__: "pt" }), /__metadata__: .*texts by name, got "pt"/],
      ["metadata that is a list", file({ __metadata__: [] }), /__metadata__: .*texts by name, got \[\]/],
      ["metadata with null", file({ __metadata__: { step: null } }), /__metadata__: "step": expected a text, got null/],
      ["metadata with numbers", file({ __metadata__: { step: 1 } }), /__metadata__: "step": expected a text, got 1/],
      ["metadata with half a surrogate pair", file('{"__metadata__":{"a":"\\ud800"}}'), /__metadata__: "a"/],
      ["a name with half a surrogate pair", file('{"\\udfff":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}', zeros(4)), /a name in Unicode/],
      ["an entry that is null", file({ a: null }), /tensor "a": .*dtype, shape and data_offsets, got null/],
      ["an entry that is a list", file({ a: ["F32", [1], [0, 4]] }, zeros(4)), /tensor "a": .*got \["F32"/],
      ["no dtype", file({ a: { shape: [1], data_offsets: [0, 4] } }, zeros(4)), /tensor "a": dtype: .*got undefined/],
      ["an unknown dtype", file({ a: entry("F128", [1], 0, 16) }, zeros(16)), /tensor "a": dtype: .*got "F128"/],
      ["no shape", file({ a: { dtype: "F32", data_offsets: [0, 4] } }, zeros(4)), /tensor "a": shape: .*got undefined/],
      ["a negative size", file({ a: entry("F32", [-1, -1], 0, 4) }, zeros(4)), /tensor "a": shape: .*got \[-1, -1\]/],
      ["a fractional size", file({ a: entry("F32", [0.5, 2], 0, 4) }, zeros(4)), /tensor "a": shape: .*got \[0.5, 2\]/],
      ["a negative zero", file('{"a":{"dtype":"F32","shape":[-0],"data_offsets":[0,0]}}'), /tensor "a": shape: .*got \[-0\]/],
      ...["1.0", "1e0", "10E-1", "1.00e+0"].map((one): [string, Uint8Array, RegExp] => [`a size written ${one}`, file(`{"a":{"dtype":"F32","shape":[1,${one}],"data_offsets":[0,4]}}`, zeros(4)), new RegExp(`tensor "a": shape: expected integers in digits alone, got ${one.replace("+", "\\+")}$`)]),
      ...["4.0", "4e0"].map((four): [string, Uint8Array, RegExp] => [`an offset written ${four}`, file(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[ 0 , ${four} ]}}`, zeros(4)), /tensor "a": data_offsets: expected integers in digits alone, got 4(\.0|e0)$/]),
      ["a size 0.0", file('{"a":{"dtype":"F32","shape":[0.0],"data_offsets":[0,0]}}'), /tensor "a": shape: .* got 0\.0$/],
      ["a size under an escaped name", file('{"a":{"dtype":"F32","sh\\u0061pe":[1.0],"data_offsets":[0,4]}}', zeros(4)), /tensor "a": shape: .* got 1\.0$/],
      ["an offset of negative zero", file('{"a":{"dtype":"F32","shape":[1],"data_offsets":[-0,4]}}', zeros(4)), /tensor "a": data_offsets: .*got \[-0, 4\]/],
      ["a truth as a size", file({ a: entry("F32", [true], 0, 4) }, zeros(4)), /tensor "a": shape: .*got \[true\]/],
      ["null as a size", file({ a: entry("F32", [null], 0, 4) }, zeros(4)), /tensor "a": shape: .*got \[null\]/],
      ["a size over 2^53", file({ a: entry("F32", [2 ** 60, 0], 0, 0) }), /tensor "a": shape: /],
      ["a text as a size", file({ a: entry("F32", ["1"], 0, 4) }, zeros(4)), /tensor "a": shape: .*got \["1"\]/],
      ["no offsets", file({ a: { dtype: "F32", shape: [1] } }, zeros(4)), /tensor "a": data_offsets: .*got undefined/],
      ["three offsets", file({ a: entry("F32", [1], 0, 4, 4) }, zeros(4)), /tensor "a": data_offsets: .*got \[0, 4, 4\]/],
      ["offsets backwards", file({ a: entry("F32", [1], 4, 0) }, zeros(4)), /tensor "a": data_offsets: .*got \[4, 0\]/],
      ["too many bytes for the shape", file({ a: entry("F32", [1], 0, 8) }, zeros(8)), /tensor "a": data_offsets: expected 4 bytes for F32 \[1\], got \[0, 8\]/],
      ["too few", file({ a: entry("F16", [2, 2], 0, 4) }, zeros(4)), /expected 8 bytes for F16 \[2, 2\], got \[0, 4\]/],
      ["half a byte", file({ a: entry("F4", [3], 0, 2) }, zeros(2)), /expected 1.5 bytes for F4/],
      ["a product that overflows", file({ a: entry("F32", [2 ** 50, 2 ** 50], 0, 4) }, zeros(4)), /tensor "a": data_offsets: /],
      ["an empty tensor too wide for 32 bits", file({ a: entry("F32", [0, 2 ** 40], 0, 0) }), /tensor "a": shape: .*too large/],
      ["a hole", file({ a: good, b: entry("F32", [1], 8, 12) }, zeros(12)), /tensor "b": .*begin at 4, got 8: .*no tensor/],
      ["a hole at the start", file({ a: entry("F32", [1], 4, 8) }, zeros(8)), /tensor "a": .*begin at 0, got 4/],
      ["an overlap", file({ a: good, b: entry("F32", [1], 2, 6) }, zeros(6)), /tensor "b": .*begin at 4, got 2: other tensors/],
      ["the same bytes twice", file({ a: good, b: good }, zeros(4)), /tensor "b": .*begin at 4, got 0: other tensors/],
      ["cut off in the data", file({ a: good }, zeros(3)), /expected 4 bytes after the header, got 3: the file is cut off/],
      ["bytes after the last tensor", file({ a: good }, zeros(5)), /expected 4 bytes after the header, got 5: .*no tensor/],
      ["bytes without a tensor", file({}, zeros(1)), /expected 0 bytes after the header, got 1/],
    ];
    it.each(cases)("%s", (_, bytes, message) => {
      withoutLeak(() => {
        const error = expectThrowsWithoutLeak(() => loadSafetensors(bytes), AttentionError, "ERR_SAFETENSORS", message);
        expect(String(error)).toMatch(/^AttentionError: loadSafetensors: bytes: /);
      });
    });
  });

  it("frees what it had read when the last tensor fails", () => {
    const header = { a: entry("F32", [1], 0, 4), b: entry("F32", [0, 2 ** 40], 4, 4) };
    const bytes = file(header, zeros(4));
    expectThrowsWithoutLeak(() => loadSafetensors(bytes), AttentionError, "ERR_SAFETENSORS", /tensor "b"/);
  });

  it("refuses anything but bytes", () => {
    const load = loadSafetensors as (bytes: unknown) => unknown;
    for (const value of [
      undefined,
      "path.safetensors",
      [1, 2],
      new Float32Array(4),
      new DataView(new ArrayBuffer(8)),
    ]) {
      expectThrowsWithoutLeak(
        () => load(value),
        TypeError,
        "ERR_INVALID_TYPE",
        /^loadSafetensors: bytes: expected a Uint8Array/,
      );
    }
    const transferred = new Uint8Array(8);
    structuredClone(transferred, { transfer: [transferred.buffer] });
    expectThrowsWithoutLeak(() => load(transferred), TypeError, "ERR_INVALID_TYPE", /bytes: .*detached/);
    expectThrowsWithoutLeak(() => load(transferred.buffer), TypeError, "ERR_INVALID_TYPE", /bytes: .*detached/);
  });

  it("leaves nothing behind and throws nothing else when bytes are cut off or changed", () => {
    const tensors = {
      weight: randomOperand(1, "float32", [2, 3]),
      half: randomOperand(2, "float16", [5]),
      ü: randomOperand(3, "bfloat16", [0, 4]),
      mask: { data: [true, false], shape: [2] },
    };
    const whole = scope(() => saveSafetensors(tensors, { format: "pt" }));
    const changes = fc.record({
      length: fc.oneof(fc.constant(whole.length), fc.integer({ min: 0, max: whole.length })),
      flips: fc.array(fc.tuple(fc.integer({ min: 0, max: whole.length - 1 }), fc.integer({ min: 1, max: 255 })), {
        maxLength: 3,
      }),
      // Most of a file's meaning is in its header, and most of that in its punctuation and digits.
      edits: fc.array(
        fc.tuple(fc.integer({ min: 8, max: whole.length - 1 }), fc.constantFrom(...'{}[]":,0123456789-. \\ne')),
        { maxLength: 2 },
      ),
    });
    const outcomes = { loaded: 0, refused: 0 };
    fc.assert(
      fc.property(changes, ({ length, flips, edits }) => {
        const bytes = whole.slice();
        for (const [at, mask] of flips) bytes[at] ^= mask;
        for (const [at, character] of edits) bytes[at] = character.charCodeAt(0);
        const before = memoryUsage().bytesInUse;
        try {
          const { tensors: loaded } = loadSafetensors(bytes.subarray(0, length));
          for (const tensor of loaded.values()) tensor.dispose();
          outcomes.loaded += 1;
        } catch (error) {
          expect(error).toBeInstanceOf(AttentionError);
          expect((error as AttentionError).code).toBe("ERR_SAFETENSORS");
          outcomes.refused += 1;
        }
        expect(memoryUsage().bytesInUse).toBe(before);
      }),
      { numRuns: 3000 },
    );
    expect(outcomes.loaded).toBeGreaterThan(50);
    expect(outcomes.refused).toBeGreaterThan(1000);
  });

  it("survives deep and long JSON", () => {
    const deep = `{"a":${"[".repeat(200_000)}${"]".repeat(200_000)}}`;
    expectThrowsWithoutLeak(
      () => loadSafetensors(file(deep)),
      AttentionError,
      "ERR_SAFETENSORS",
      /tensor "a"|not JSON/,
    );
    const long = "x\\u0041\\\\".repeat(200_000);
    const { metadata } = loadSafetensors(file(`{"__metadata__":{"a":"${long}"}}`));
    expect(metadata["a"].length).toBe(3 * 200_000);
  });
});

it("loadSafetensors and saveSafetensors need a runtime for tensors", async () => {
  const bytes = file({ a: entry("F32", [1], 0, 4) }, zeros(4));
  runtime.dispose();
  expectThrows(() => loadSafetensors(bytes), AttentionError, "ERR_NOT_INITIALIZED", /init/);
  expectThrows(() => saveSafetensors({}), AttentionError, "ERR_NOT_INITIALIZED", /init/);
  runtime = await init();
  expect(scope(() => loadSafetensors(bytes)).tensors.size).toBe(1);
});
