/** UTF-8 without the host's TextEncoder and TextDecoder, which are the oracle. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { init, loadSafetensors, saveSafetensors } from "../../ts/entry/default.js";
import { decodeUtf8, encodeUtf8 } from "../../ts/io/utf8.js";

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

const orRefused = (decode: () => string): string | undefined => {
  try {
    return decode();
  } catch {
    return undefined;
  }
};

/** Whether both give the same text or both refuse the bytes. */
const agrees = (bytes: Uint8Array): boolean =>
  orRefused(() => decodeUtf8(bytes)) === orRefused(() => decoder.decode(bytes));

/** Bytes at which the rules change. */
const EDGES = [
  0x00, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xe1, 0xec, 0xed, 0xee,
].concat([0xef, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xf7, 0xf8, 0xfb, 0xfc, 0xfd, 0xfe, 0xff]);

describe("encodeUtf8 and decodeUtf8", () => {
  it("have every code point", () => {
    for (const [first, last] of [
      [0, 0xd7ff],
      [0xe000, 0x10ffff],
    ]) {
      // prettier-ignore
      const points = Array.from({ length: last - first + 1 }, (_, index) => String.fromCodePoint(first + index));
      const text = points.join("");
      const bytes = encoder.encode(text);
      expect(Buffer.compare(encodeUtf8(text), bytes)).toBe(0);
      expect(decodeUtf8(bytes) === text).toBe(true);
    }
  });

  it("agree with the host on texts of any kind and length", () => {
    const texts = fc.string({ unit: "binary", size: "max", maxLength: 300 });
    fc.assert(
      fc.property(
        texts,
        fc.integer({ min: 0, max: 3 }),
        fc.integer({ min: 8180, max: 8200 }),
        (text, count, length) => {
          const longer = text.repeat(count) + "x".repeat(length) + text;
          const bytes = encoder.encode(longer);
          expect(Buffer.compare(encodeUtf8(longer), bytes)).toBe(0);
          expect(decodeUtf8(bytes) === longer).toBe(true);
        },
      ),
      { numRuns: 200 },
    );
    expect(encodeUtf8("")).toEqual(new Uint8Array(0));
    expect(decodeUtf8(new Uint8Array(0))).toBe("");
    expect(decodeUtf8(encoder.encode("\ufeff{"))).toBe("\ufeff{");
  });

  it("agree with the host on bytes that may be no UTF-8", () => {
    let refused = 0;
    for (let first = 0; first < 256; first++) {
      for (let second = 0; second < 256; second++) {
        for (const rest of [[], [0xbf, 0x80]]) {
          const bytes = Uint8Array.of(first, second, ...rest);
          refused += Number(orRefused(() => decodeUtf8(bytes)) === undefined);
          if (!agrees(bytes)) expect.fail(`the decoders disagree on ${bytes.join()}`);
        }
      }
    }
    expect(refused).toBeGreaterThan(50_000);
    for (const second of EDGES) {
      for (const third of EDGES) {
        for (const fourth of [0x7f, 0x80, 0xc0]) {
          for (const first of [0xe0, 0xed, 0xef, 0xf0, 0xf4, 0xf7, 0xfb]) {
            const bytes = Uint8Array.of(first, second, third, fourth);
            if (!agrees(bytes)) expect.fail(`the decoders disagree on ${bytes.join()}`);
          }
        }
      }
    }
    fc.assert(fc.property(fc.uint8Array({ maxLength: 12 }), agrees), { numRuns: 2000 });
  });
});

it("files are saved and loaded where the host has neither TextEncoder nor TextDecoder", async () => {
  const runtime = await init();
  const names = ["TextEncoder", "TextDecoder"] as const;
  const globals = names.map((name) => Object.getOwnPropertyDescriptor(globalThis, name) as PropertyDescriptor);
  const tensors = { größe: { data: [1, 2], shape: [2] }, "\u{1f600}": { data: [true], shape: [1] } };
  const expected = saveSafetensors(tensors, { note: "ü" });
  let loaded: ReturnType<typeof loadSafetensors>;
  let saved: Uint8Array;
  let refusal: unknown;
  try {
    for (const name of names) Reflect.deleteProperty(globalThis, name);
    expect(typeof TextEncoder + typeof TextDecoder).toBe("undefinedundefined");
    saved = saveSafetensors(tensors, { note: "ü" });
    loaded = loadSafetensors(saved);
    try {
      const broken = saved.slice();
      broken[10] = 0xff;
      loadSafetensors(broken);
    } catch (error) {
      refusal = error;
    }
  } finally {
    names.forEach((name, index) => Object.defineProperty(globalThis, name, globals[index]));
  }
  expect(saved).toEqual(expected);
  expect(loaded.metadata).toEqual({ note: "ü" });
  expect([...loaded.tensors.keys()]).toEqual(["größe", "\u{1f600}"]);
  expect(refusal).toMatchObject({
    code: "ERR_SAFETENSORS",
    message: "loadSafetensors: bytes: the header is not UTF-8",
  });
  runtime.dispose();
});
