/**
 * What scaledDotProductAttention refuses: a TypeError for the wrong kind of thing, a RangeError for a wrong value, both
 * naming the argument; nothing stays allocated, and the next call works.
 */
import { describe, expect, it } from "vitest";
import { forEachArithmetic } from "../../support/arithmetics.js";
import {
  AttentionError,
  init,
  memoryUsage,
  scaledDotProductAttention,
  scope,
  Tensor,
} from "../../../ts/entry/default.js";

type Shape = readonly number[];
interface Data {
  data: Float32Array | Int32Array | Uint8Array | Uint16Array;
  shape: Shape;
  dtype?: string;
}

/** What callers without types may pass. */
const attend = scaledDotProductAttention as unknown as (
  query: unknown,
  key: unknown,
  value: unknown,
  options?: unknown,
) => { output: Tensor };

function floats(...shape: number[]): Data {
  const length = shape.reduce((product, size) => product * size, 1);
  return { data: Float32Array.from({ length }, (_, n) => (n % 7) - 3), shape };
}

const as = (dtype: string, { shape }: Data): Data => ({
  data: new Uint16Array(shape.reduce((product, size) => product * size, 1)),
  shape,
  dtype,
});

interface Arguments {
  query?: unknown;
  key?: unknown;
  value?: unknown;
  [option: string]: unknown;
}

/** A good call: B 2, H 4, Hkv 2, L 3, S 5, D 8, Dv 6. */
const GOOD = { query: floats(2, 4, 3, 8), key: floats(2, 2, 5, 8), value: floats(2, 2, 5, 6) };
const PAST = { pastKey: floats(2, 2, 7, 8), pastValue: floats(2, 2, 7, 6) };

function callWith(changes: Arguments): { output: Tensor } {
  const { query, key, value, ...options } = { ...GOOD, ...changes };
  return attend(query, key, value, options);
}

type Kind = typeof TypeError | typeof RangeError;

interface BadCall {
  readonly title: string;
  /** The argument that the message must name. */
  readonly names: string;
  readonly kind: Kind;
  readonly changes: Arguments;
}

function bad(kind: Kind, names: string, title: string, changes: Arguments): BadCall {
  return { title, names, kind, changes };
}

const wrongKinds: readonly BadCall[] = [
  ...[undefined, null, 3, "query", {}, () => 0].map((query) => bad(TypeError, "query", typeof query, { query })),
  bad(TypeError, "key", "null", { key: null }),
  bad(TypeError, "value", "an array without a shape", { value: [1, 2, 3] }),
  bad(TypeError, "query", "float64", { query: { data: new Float64Array(192), shape: [2, 4, 3, 8] } }),
  bad(TypeError, "query", "int32", { query: { data: new Int32Array(192), shape: [2, 4, 3, 8] } }),
  bad(TypeError, "key", "bool", { key: { data: new Uint8Array(160), shape: [2, 2, 5, 8] } }),
  bad(TypeError, "value", "16 bits without a dtype", { value: { data: new Uint16Array(120), shape: [2, 2, 5, 6] } }),
  bad(TypeError, "key", "another dtype than query's", { key: as("float16", GOOD.key) }),
  bad(TypeError, "pastKey", "another dtype than query's", { ...PAST, pastKey: as("bfloat16", PAST.pastKey) }),
  bad(TypeError, "pastValue", "another dtype than value's", { ...PAST, pastValue: as("float16", PAST.pastValue) }),
  bad(TypeError, "attnMask", "an integer mask", { attnMask: { data: new Int32Array(5), shape: [5] } }),
  bad(TypeError, "attnMask", "a number", { attnMask: 1 }),
  bad(TypeError, "isCausal", "a string", { isCausal: "yes" }),
  bad(TypeError, "scale", "a string", { scale: "0.5" }),
  bad(TypeError, "softcap", "a string", { softcap: "2" }),
  bad(TypeError, "leftWindowSize", "a string", { leftWindowSize: "2" }),
  bad(TypeError, "rightWindowSize", "a boolean", { rightWindowSize: true }),
  bad(TypeError, "keyLengths", "a number", { keyLengths: 3 }),
  bad(TypeError, "keyLengths", "strings", { keyLengths: ["1", "2"] }),
  bad(TypeError, "sinks", "a number", { sinks: 3 }),
  bad(TypeError, "alibiSlopes", "a string", { alibiSlopes: "slopes" }),
  bad(TypeError, "dropoutP", "a string", { dropoutP: "0.5", seed: 1 }),
  bad(TypeError, "seed", "dropout without a seed", { dropoutP: 0.5 }),
  bad(TypeError, "seed", "a string", { dropoutP: 0.5, seed: "1" }),
  bad(TypeError, "pastValue", "a past without its partner", { pastKey: PAST.pastKey }),
  bad(TypeError, "pastKey", "a past without its partner", { pastValue: PAST.pastValue }),
  bad(TypeError, "keyLengths", "a past with key lengths", { ...PAST, keyLengths: [1, 2] }),
  bad(TypeError, "needWeights", "a number", { needWeights: 1 }),
  bad(TypeError, "weightsMode", "a mode without needWeights", { weightsMode: 2 }),
  bad(TypeError, "needLogSumExp", "a string", { needLogSumExp: "yes" }),
];

const wrongValues: readonly BadCall[] = [
  bad(RangeError, "query", "rank 1", { query: floats(8) }),
  bad(RangeError, "query", "rank 5", { query: floats(1, 2, 4, 3, 8) }),
  bad(RangeError, "query", "data of another length than the shape's", {
    query: { data: new Float32Array(191), shape: [2, 4, 3, 8] },
  }),
  bad(RangeError, "query", "a negative size", { query: { data: new Float32Array(0), shape: [2, 4, -3, 8] } }),
  bad(RangeError, "query", "no head size", { query: floats(2, 4, 3, 0), key: floats(2, 2, 5, 0) }),
  bad(RangeError, "query", "no heads", { query: floats(2, 0, 3, 8) }),
  bad(RangeError, "value", "no head size", { value: floats(2, 2, 5, 0) }),
  bad(RangeError, "key", "another rank than query's", { key: floats(2, 5, 8) }),
  bad(RangeError, "value", "another rank than query's", { value: floats(5, 6) }),
  bad(RangeError, "key", "another batch size", { key: floats(3, 2, 5, 8) }),
  bad(RangeError, "key", "another head size", { key: floats(2, 2, 5, 7) }),
  bad(RangeError, "key", "heads that don't divide query's", { key: floats(2, 3, 5, 8), value: floats(2, 3, 5, 6) }),
  bad(RangeError, "key", "more heads than query", { key: floats(2, 8, 5, 8), value: floats(2, 8, 5, 6) }),
  bad(RangeError, "key", "no heads", { key: floats(2, 0, 5, 8), value: floats(2, 0, 5, 6) }),
  bad(RangeError, "value", "another number of keys", { value: floats(2, 2, 4, 6) }),
  bad(RangeError, "value", "another number of heads", { value: floats(2, 4, 5, 6) }),
  bad(RangeError, "value", "another batch size", { value: floats(1, 2, 5, 6) }),
  bad(RangeError, "pastKey", "another head size", { ...PAST, pastKey: floats(2, 2, 7, 4) }),
  bad(RangeError, "pastKey", "query's number of heads", { ...PAST, pastKey: floats(2, 4, 7, 8) }),
  bad(RangeError, "pastValue", "another length than pastKey's", { ...PAST, pastValue: floats(2, 2, 6, 6) }),
  bad(RangeError, "pastValue", "another rank", { ...PAST, pastValue: floats(2, 7, 6) }),
  bad(RangeError, "numHeads", "other than the rank-4 query's", { numHeads: 3 }),
  bad(RangeError, "numHeads", "not a divisor of the width", {
    ...{ query: floats(2, 3, 32), key: floats(2, 5, 32), value: floats(2, 5, 32) },
    numHeads: 5,
  }),
  bad(RangeError, "numKvHeads", "not a divisor of numHeads", {
    ...{ query: floats(2, 3, 32), key: floats(2, 5, 24), value: floats(2, 5, 24) },
    ...{ numHeads: 4, numKvHeads: 3 },
  }),
  bad(RangeError, "numHeads", "0", {
    query: floats(2, 3, 8),
    key: floats(2, 5, 8),
    value: floats(2, 5, 8),
    numHeads: 0,
  }),
  ...[NaN, Infinity, -Infinity].map((scale) => bad(RangeError, "scale", `${scale}`, { scale })),
  ...[-1, NaN, Infinity].map((softcap) => bad(RangeError, "softcap", `${softcap}`, { softcap })),
  ...[-2, 1.5, NaN].map((size) => bad(RangeError, "leftWindowSize", `${size}`, { leftWindowSize: size })),
  ...[-2, 1.5, NaN].map((size) => bad(RangeError, "rightWindowSize", `${size}`, { rightWindowSize: size })),
  ...[[6, 1], [-1, 1], [1.5, 1], [NaN, 1], [1], [1, 2, 3]].map((keyLengths) =>
    bad(RangeError, "keyLengths", `[${keyLengths}]`, { keyLengths }),
  ),
  ...[-0.1, 1.1, NaN].map((dropoutP) => bad(RangeError, "dropoutP", `${dropoutP}`, { dropoutP, seed: 1 })),
  ...[-1, 0.5, 2 ** 53, NaN, -1n, 2n ** 64n].map((seed) => bad(RangeError, "seed", `${seed}`, { dropoutP: 0.5, seed })),
  bad(RangeError, "sinks", "another number than the heads", { sinks: [1, 2] }),
  bad(RangeError, "alibiSlopes", "another number than the heads", { alibiSlopes: [1, 2] }),
  bad(RangeError, "alibiSlopes", "another batch size", { alibiSlopes: floats(3, 4) }),
  bad(RangeError, "causalAlignment", "an unknown word", { isCausal: true, causalAlignment: "lower-left" }),
  bad(RangeError, "layout", "an unknown word", { layout: "HBLD" }),
  ...[-1, 5, 1.5].map((weightsMode) =>
    bad(RangeError, "weightsMode", `${weightsMode}`, { needWeights: true, weightsMode }),
  ),
  ...[4, -1, 0.5].map((head) => bad(RangeError, "heads", `head ${head} of 4`, { needWeights: { heads: [head] } })),
  ...[3, -1, 0.5].map((row) => bad(RangeError, "rows", `row ${row} of 3`, { needWeights: { rows: [row] } })),
  ...[[4], [3, 3], [2, 3, 5], [2, 2, 3, 5], [3, 4, 3, 5], [1, 2, 4, 3, 5], [2, 4, 3, 4], [0], []].map((shape) =>
    bad(RangeError, "attnMask", `shape [${shape}]`, { attnMask: floats(...shape) }),
  ),
  bad(RangeError, "attnMask", "short without key lengths", { attnMask: floats(3, 4) }),
  bad(RangeError, "attnMask", "shorter than the key lengths", { attnMask: floats(3, 3), keyLengths: [3, 4] }),
  bad(RangeError, "attnMask", "without the past", { ...PAST, attnMask: floats(3, 5) }),
];

/** Sizes that no memory holds. */
const tooLarge: readonly BadCall[] = [
  bad(RangeError, "", "weights of 2.5 GB", {
    query: floats(1, 1, 25000, 1),
    key: floats(1, 1, 25000, 1),
    value: floats(1, 1, 25000, 1),
    needWeights: true,
  }),
  bad(RangeError, "", "weights of 16 GiB", {
    query: floats(1, 1, 65536, 1),
    key: floats(1, 1, 65536, 1),
    value: floats(1, 1, 65536, 1),
    needWeights: true,
  }),
  bad(RangeError, "", "an output whose length passes 2^53", {
    query: floats(1, 1, 65536, 1),
    key: floats(1, 1, 0, 1),
    value: { data: new Float32Array(0), shape: [1, 1, 0, 2 ** 40] },
  }),
];

function expectRefusal({ names, kind, changes }: BadCall): void {
  const before = memoryUsage().bytesInUse;
  let thrown: unknown;
  try {
    callWith(changes);
  } catch (error) {
    thrown = error;
  }
  expect(thrown).toBeInstanceOf(kind);
  const { message, code } = thrown as Error & { code: string };
  expect(message).toContain("scaledDotProductAttention");
  expect(message).toContain(names);
  expect(code).toMatch(/^ERR_[A-Z_]+$/);
  expect(memoryUsage().bytesInUse).toBe(before);
  scope(() => expect(callWith({}).output.shape).toEqual([2, 4, 3, 6]));
  expect(memoryUsage().bytesInUse).toBe(before);
}

describe("attention with bad input", () => {
  it("throws an AttentionError before init", () => {
    expect(() => callWith({})).toThrow(AttentionError);
    expect(() => callWith({})).toThrow(expect.objectContaining({ code: "ERR_NOT_INITIALIZED" }));
  });

  forEachArithmetic(() => {
    it.each(wrongKinds)("TypeError for $names: $title", expectRefusal);
    it.each(wrongValues)("RangeError for $names: $title", expectRefusal);
    it.each(tooLarge)("RangeError for $title", expectRefusal);

    it("TypeError for a disposed tensor, which names it", () => {
      for (const name of ["query", "key", "value"] as const) {
        const { data, shape } = GOOD[name];
        const tensor = Tensor.from(data, shape);
        tensor.dispose();
        expectRefusal(bad(TypeError, name, "disposed", { [name]: tensor }));
      }
      const mask = Tensor.from(new Uint8Array(5), [5]);
      mask.dispose();
      expectRefusal(bad(TypeError, "attnMask", "disposed", { attnMask: mask }));
    });

    it("TypeError for a detached array, which names it", () => {
      const data = new Float32Array(192);
      structuredClone(data, { transfer: [data.buffer] });
      expectRefusal(bad(TypeError, "query", "detached", { query: { data, shape: [2, 4, 3, 8] } }));
    });

    it("takes undefined as absent", () => {
      scope(() => {
        const { output } = callWith({
          ...{ attnMask: undefined, isCausal: undefined, causalAlignment: undefined, leftWindowSize: undefined },
          ...{ rightWindowSize: undefined, keyLengths: undefined, alibiSlopes: undefined, sinks: undefined },
          ...{ softcap: undefined, scale: undefined, pastKey: undefined, pastValue: undefined, dropoutP: undefined },
          ...{ seed: undefined, layout: undefined, needWeights: undefined, weightsMode: undefined },
          ...{ needLogSumExp: undefined, numHeads: undefined, numKvHeads: undefined },
        });
        expect(output.toArray()).toEqual(callWith({}).output.toArray());
      });
    });
  });

  it("RangeError beyond maximumMemory, after which the runtime works", async () => {
    const runtime = await init({ deterministic: true, maximumMemory: 16 * 2 ** 20 });
    try {
      const large = floats(1, 1, 3000, 1);
      expectRefusal(bad(RangeError, "", "36 MB", { query: large, key: large, value: large, needWeights: true }));
    } finally {
      runtime.dispose();
    }
  });
});
