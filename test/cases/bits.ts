/**
 * The cases of bits, which the operations' records hold (test/cases/operations.ts), run through the package.
 * crate/tests/bits.rs runs the same ones natively, from bits.json, where scripts/update-records.mjs stores cases and hashes.
 *
 * Inputs come from a small integer generator, so that nothing but the kernels can differ between hosts.
 */
import { scope, type Tensor, type TensorData } from "../../ts/entry/default.js";
import type { FloatType } from "../oracle/half.js";
import { operations } from "./operations.js";

export interface BitsCase {
  readonly name: string;
  /** Seed of the inputs. */
  readonly seed: number;
  /** Float32 and bfloat16 inputs are uniform within ± this. */
  readonly amplitude: number;
  readonly dtype?: FloatType;
  readonly valueDtype?: FloatType;
  readonly sizes: Readonly<Record<string, number>>;
  readonly options?: Readonly<Record<string, unknown>>;
  readonly attnMask?: { readonly dtype: FloatType | "bool"; readonly shape: readonly number[] };
  /** Elements of float32 inputs that hold something else: [index, number]. */
  readonly planted?: Readonly<Record<string, readonly (readonly [index: number, value: string])[]>>;
  /** Results that get a gradient: then the bits are those of the inputs' gradients. */
  readonly cotangents?: readonly Cotangent[];
}

/** As bits.json has it. */
export interface StoredBitsCase extends BitsCase {
  readonly operation: string;
  /** By arithmetic. */
  readonly hashes: Record<string, string>;
}

/** Each input has a stream of its own. */
const streams = [
  "query",
  "key",
  "value",
  "attnMask",
  "pastKey",
  "pastValue",
  "input",
  "weight",
  "bias",
  "other",
  "output",
  "logSumExp",
  "weights",
] as const;
type Stream = (typeof streams)[number];
type Cotangent = Extract<Stream, "output" | "logSumExp" | "weights">;

/** Marsaglia's xorshift generator of 32 bits. */
function words(seed: number, stream: Stream, length: number): Uint32Array {
  let state = Math.imul(seed * 16 + streams.indexOf(stream) + 1, 0x9e3779b1);
  return Uint32Array.from({ length }, () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state;
  });
}

const float32 = (word: number, amplitude: number): number => Math.fround(((word >>> 8) / 2 ** 23 - 1) * amplitude);

/** Of float16 the bits are drawn, for exponents below that of 2. */
const float16 = (word: number): number => (word >>> 16) & 0xbfff;

const bfloat16 = (word: number, amplitude: number): number =>
  new Uint32Array(Float32Array.of(float32(word, amplitude)).buffer)[0] >>> 16;

const negativeInfinity = { float32: -Infinity, float16: 0xfc00, bfloat16: 0xff80 };

/** The inputs of a case. */
export class BitsInputs {
  readonly #test: BitsCase;

  constructor(test: BitsCase) {
    this.#test = test;
  }

  #words(stream: Stream, shape: readonly number[]): Uint32Array {
    const length = shape.reduce((product, size) => product * size, 1);
    return words(this.#test.seed, stream, length);
  }

  /** Of this shape, and of the case's dtype unless another is given. */
  tensor(stream: Stream, shape: readonly number[], dtype = this.#test.dtype ?? "float32"): TensorData {
    const { amplitude, planted } = this.#test;
    const drawn = this.#words(stream, shape);
    if (dtype !== "float32") {
      const bits = dtype === "float16" ? float16 : (word: number) => bfloat16(word, amplitude);
      return { data: Uint16Array.from(drawn, bits), shape, dtype };
    }
    const data = Float32Array.from(drawn, (word) => float32(word, amplitude));
    planted?.[stream]?.forEach(([index, value]) => (data[index] = Number(value)));
    return { data, shape };
  }

  /** `[rows, columns]` of the case's sizes. */
  matrix(stream: Stream): TensorData {
    const { rows, columns } = this.#test.sizes;
    return this.tensor(stream, [rows, columns]);
  }

  /** The tensor, where the case's options have its name. */
  parameter(stream: "weight" | "bias", shape: readonly number[]): TensorData | undefined {
    return this.#test.options?.[stream] === true ? this.tensor(stream, shape) : undefined;
  }

  /** A quarter of a boolean mask is false, an eighth of a float mask −Infinity; the rest of it is within ±1. */
  mask(): TensorData | undefined {
    if (this.#test.attnMask === undefined) return undefined;
    const { dtype, shape } = this.#test.attnMask;
    const drawn = this.#words("attnMask", shape);
    if (dtype === "bool") return { data: Uint8Array.from(drawn, (word) => Number((word & 3) !== 0)), shape };
    const hides = (word: number): boolean => (word & 7) === 0;
    const draw = { float32, float16, bfloat16 }[dtype];
    const element = (word: number): number => (hides(word) ? negativeInfinity[dtype] : draw(word, 1));
    return dtype === "float32"
      ? { data: Float32Array.from(drawn, element), shape }
      : { data: Uint16Array.from(drawn, element), shape, dtype };
  }
}

/** FNV-1a of 64 bits, as hexadecimal digits. */
export function fnv(parts: Iterable<Uint8Array>): string {
  let state = 0xcbf29ce484222325n;
  for (const bytes of parts) {
    for (const byte of bytes) state = BigInt.asUintN(64, (state ^ BigInt(byte)) * 0x100000001b3n);
  }
  return state.toString(16).padStart(16, "0");
}

/** The hash of the results' bytes, which are little-endian on every host that has WebAssembly. */
const hash = (results: readonly Tensor[]): string =>
  fnv(
    results.map((result) => {
      const { buffer, byteOffset, byteLength } = result.toArray();
      return new Uint8Array(buffer, byteOffset, byteLength);
    }),
  );

/** A case with the hash of its results in the current arithmetic. */
export interface HashedCase {
  readonly operation: string;
  readonly test: BitsCase;
  readonly hash: () => string;
}

/** The cases of all records, in their order. Everything that a hash's computation makes is freed. */
export const bitsCases: readonly HashedCase[] = operations.flatMap(({ name, bits }) =>
  "none" in bits
    ? []
    : bits.cases.map((test) => ({
        operation: name,
        test,
        hash: () => scope(() => hash(bits.run(test, new BitsInputs(test)))),
      })),
);

/** One hash for the results of all cases in the current arithmetic. */
export const hashOfAll = (): string => fnv(bitsCases.map(({ hash }) => new TextEncoder().encode(hash())));
