/**
 * The cases of bits.json, run through the package. crate/tests/bits.rs runs the same ones natively.
 *
 * Inputs come from a small integer generator, so that nothing but the kernels can differ between hosts.
 */
import {
  gelu,
  layerNorm,
  Linear,
  linear,
  rand,
  randn,
  relu,
  rmsNorm,
  rotaryEmbedding,
  scaledDotProductAttention,
  type ScaledDotProductAttentionOptions,
  scope,
  silu,
  sinusoidalPositions,
  softmax,
  type Tensor,
  type TensorData,
} from "../../ts/entry/default.js";

type Operation =
  | "scaledDotProductAttention"
  | "softmax"
  | "linear"
  | "Linear"
  | "layerNorm"
  | "rmsNorm"
  | "gelu"
  | "silu"
  | "relu"
  | "rotaryEmbedding"
  | "sinusoidalPositions"
  | "rand"
  | "randn";

type FloatDType = "float32" | "float16" | "bfloat16";

export interface BitsCase {
  readonly name: string;
  readonly operation: Operation;
  /** Seed of the inputs. */
  readonly seed: number;
  /** Float32 and bfloat16 inputs are uniform within ± this. */
  readonly amplitude: number;
  readonly dtype?: FloatDType;
  readonly valueDtype?: FloatDType;
  readonly sizes: Readonly<Record<string, number>>;
  readonly options: Readonly<Record<string, unknown>>;
  readonly attnMask?: { readonly dtype: FloatDType | "bool"; readonly shape: readonly number[] };
  /** Elements of float32 inputs that hold something else: [index, number]. */
  readonly planted?: Readonly<Record<string, readonly (readonly [index: number, value: string])[]>>;
  /** By arithmetic. */
  readonly hashes: Record<string, string>;
}

/** Each input has a stream of its own. */
const streams = ["query", "key", "value", "attnMask", "pastKey", "pastValue", "input", "weight", "bias"] as const;
type Stream = (typeof streams)[number];

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

function input({ seed, amplitude, planted }: BitsCase, stream: Stream, shape: number[], dtype: FloatDType): TensorData {
  const drawn = words(
    seed,
    stream,
    shape.reduce((product, size) => product * size, 1),
  );
  if (dtype !== "float32") {
    return {
      data: Uint16Array.from(drawn, dtype === "float16" ? float16 : (word) => bfloat16(word, amplitude)),
      shape,
      dtype,
    };
  }
  const data = Float32Array.from(drawn, (word) => float32(word, amplitude));
  planted?.[stream]?.forEach(([index, value]) => (data[index] = Number(value)));
  return { data, shape };
}

/** A quarter of a boolean mask is false, an eighth of a float mask −Infinity; the rest of it is within ±1. */
function mask({ seed }: BitsCase, { dtype, shape }: NonNullable<BitsCase["attnMask"]>): TensorData {
  const drawn = words(
    seed,
    "attnMask",
    shape.reduce((product, size) => product * size, 1),
  );
  if (dtype === "bool") return { data: Uint8Array.from(drawn, (word) => Number((word & 3) !== 0)), shape };
  const hides = (word: number): boolean => (word & 7) === 0;
  const draw = { float32, float16, bfloat16 }[dtype];
  const element = (word: number): number => (hides(word) ? negativeInfinity[dtype] : draw(word, 1));
  return dtype === "float32"
    ? { data: Float32Array.from(drawn, element), shape }
    : { data: Uint16Array.from(drawn, element), shape, dtype };
}

function attention(test: BitsCase): Tensor[] {
  const { batch, heads, keyHeads, queries, keys, past, size, valueSize } = test.sizes;
  const { dtype = "float32", valueDtype = "float32" } = test;
  const options = test.options as ScaledDotProductAttentionOptions;
  const shape = (heads: number, rows: number, size: number): number[] =>
    ({ BHLD: [batch, heads, rows, size], BLHD: [batch, rows, heads, size], LBHD: [rows, batch, heads, size] })[
      options.layout ?? "BHLD"
    ];
  const results = scaledDotProductAttention(
    input(test, "query", shape(heads, queries, size), dtype),
    input(test, "key", shape(keyHeads, keys, size), dtype),
    input(test, "value", shape(keyHeads, keys, valueSize), valueDtype),
    {
      ...options,
      needLogSumExp: true,
      ...(test.attnMask && { attnMask: mask(test, test.attnMask) }),
      ...(past !== undefined && {
        pastKey: input(test, "pastKey", shape(keyHeads, past, size), dtype),
        pastValue: input(test, "pastValue", shape(keyHeads, past, valueSize), valueDtype),
      }),
    },
  );
  const { output, logSumExp, weights, presentKey, presentValue } = results;
  return [output, logSumExp, weights, presentKey, presentValue].filter((tensor) => tensor !== undefined);
}

function layer(test: BitsCase): Tensor {
  const { rows, columns, outFeatures, batch, heads, queries, size } = test.sizes;
  const { dtype = "float32", options } = test;
  const x = (): TensorData => input(test, "input", [rows, columns], dtype);
  const parameter = (name: "weight" | "bias", shape: number[]): TensorData | undefined =>
    options[name] === true ? input(test, name, shape, dtype) : undefined;
  const epsilon = options.epsilon as number | undefined;
  switch (test.operation) {
    case "softmax":
      return softmax(x());
    case "linear":
      return linear(x(), input(test, "weight", [outFeatures, columns], dtype), parameter("bias", [outFeatures]));
    case "Linear": {
      const module = new Linear(columns, outFeatures, options);
      try {
        const weight = input(test, "weight", [outFeatures, columns], dtype);
        const bias = parameter("bias", [outFeatures]);
        module.loadStateDict(bias === undefined ? { weight } : { weight, bias });
        return module.forward(x());
      } finally {
        module.dispose();
      }
    }
    case "layerNorm":
      return layerNorm(x(), columns, parameter("weight", [columns]), parameter("bias", [columns]), epsilon);
    case "rmsNorm":
      return rmsNorm(x(), columns, parameter("weight", [columns]), epsilon);
    case "gelu":
      return gelu(x(), options);
    case "silu":
      return silu(x());
    case "relu":
      return relu(x());
    case "rotaryEmbedding":
      return rotaryEmbedding(input(test, "input", [batch, heads, queries, size], dtype), options);
    case "sinusoidalPositions":
      return sinusoidalPositions(rows, columns);
    case "rand":
      return rand([rows, columns], options);
    case "randn":
      return randn([rows, columns], options);
    case "scaledDotProductAttention":
      throw new Error("attention is no layer");
  }
}

/** FNV-1a of 64 bits, as hexadecimal digits. */
function fnv(parts: Iterable<Uint8Array>): string {
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

/** The hash of a case's results in the current arithmetic. Everything that it made is freed. */
export function hashOf(test: BitsCase): string {
  return scope(() => hash(test.operation === "scaledDotProductAttention" ? attention(test) : [layer(test)]));
}

/** One hash for the results of all cases in the current arithmetic. */
export const hashOfAll = (cases: readonly BitsCase[]): string =>
  fnv(cases.map((test) => new TextEncoder().encode(hashOf(test))));
