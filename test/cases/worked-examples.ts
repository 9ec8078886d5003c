/**
 * The worked examples of docs/semantics.md 10, and the one that articles teach attention with.
 * Values were worked out in float64 and are given to seven decimals.
 */
import type { OracleOptions, OracleTensor, WeightsMode } from "../oracle/attention.js";

export interface WorkedExample {
  readonly name: string;
  readonly query: OracleTensor;
  readonly key: OracleTensor;
  readonly value: OracleTensor;
  readonly options: OracleOptions;
  readonly output?: readonly number[];
  readonly logSumExp?: readonly number[];
  /** Weights of the whole call by `weightsMode`. */
  readonly weights?: Partial<Record<WeightsMode, readonly number[]>>;
}

/** One batch and one head of single numbers: [1, 1, n, 1]. */
function column(...values: number[]): OracleTensor {
  return { data: Float32Array.from(values), shape: [1, 1, values.length, 1] };
}

function tensor(shape: readonly number[], ...values: number[]): OracleTensor {
  return { data: Float32Array.from(values), shape };
}

const LARGEST_FLOAT32 = 3.4028234663852886e38;
const THIRD = 1 / 3;

/** What most of the examples share: q = [1, 2], k = [0, 1, 2], v = [1, 2, 4], scale 1. */
const query = column(1, 2);
const key = column(0, 1, 2);
const value = column(1, 2, 4);
const twoBatches = {
  query: tensor([2, 1, 2, 1], 1, 2, 1, 2),
  key: tensor([2, 1, 3, 1], 0, 1, 2, 0, 1, 2),
  value: tensor([2, 1, 3, 1], 1, 2, 4, 1, 2, 4),
};
/** The same keys and values as a past of two and one new. */
const withPast = { query, key: column(2), value: column(4) };
const past = { pastKey: column(0, 1), pastValue: column(1, 2) };

const dense = [0.0900306, 0.2447285, 0.665241, 0.0158762, 0.1173104, 0.8668133];
const lowerRight = [0.2689414, 0.7310586, 0, 0.0158762, 0.1173104, 0.8668133];
const scale = 1;

export const workedExamples: readonly WorkedExample[] = [
  {
    name: "X1 dense",
    ...{ query, key, value },
    options: { scale },
    weights: { 3: dense, 4: dense },
    output: [3.2404513, 3.7177504],
    logSumExp: [2.407606, 4.1429316],
  },
  {
    name: "X1 causal upper-left",
    ...{ query, key, value },
    options: { scale, isCausal: true },
    weights: { 3: [1, 0, 0, 0.1192029, 0.8807971, 0] },
    output: [1, 1.8807971],
    logSumExp: [0, 2.126928],
  },
  {
    name: "X1 causal lower-right",
    ...{ query, key, value },
    options: { scale, isCausal: true, causalAlignment: "lower-right" },
    weights: { 3: lowerRight },
    output: [1.7310586, 3.7177504],
    logSumExp: [1.3132617, 4.1429316],
  },
  {
    name: "X2 causal lower-right with more queries than keys",
    query: column(1, 2, 3),
    key: column(0, 1),
    value: column(1, 2),
    options: { scale, isCausal: true, causalAlignment: "lower-right" },
    weights: { 3: [0, 0, 1, 0, 0.0474259, 0.9525741] },
    output: [0, 1, 1.9525741],
    logSumExp: [-Infinity, 0, 3.0485874],
  },
  {
    name: "X3 key lengths, causal lower-right",
    ...twoBatches,
    options: { scale, keyLengths: [1, 3], isCausal: true, causalAlignment: "lower-right" },
    weights: { 3: [0, 0, 0, 1, 0, 0, ...lowerRight] },
    output: [0, 1, 1.7310586, 3.7177504],
    logSumExp: [-Infinity, 0, 1.3132617, 4.1429316],
  },
  {
    name: "X3 key lengths, causal upper-left",
    ...twoBatches,
    options: { scale, keyLengths: [1, 3], isCausal: true },
    weights: { 3: [1, 0, 0, 1, 0, 0, 1, 0, 0, 0.1192029, 0.8807971, 0] },
    output: [1, 1, 1, 1.8807971],
  },
  {
    name: "X4 past and window",
    ...withPast,
    options: { scale, ...past, leftWindowSize: 1, rightWindowSize: 0 },
    weights: { 3: [0, 0.2689414, 0.7310586, 0, 0, 1] },
    output: [3.4621172, 4],
    logSumExp: [2.3132617, 4],
  },
  {
    name: "X4 past, causal upper-left",
    ...withPast,
    options: { scale, ...past, isCausal: true },
    weights: { 3: dense },
    output: [3.2404513, 3.7177504],
    logSumExp: [2.407606, 4.1429316],
  },
  {
    name: "X4 past, causal lower-right",
    ...withPast,
    options: { scale, ...past, isCausal: true, causalAlignment: "lower-right" },
    weights: { 3: lowerRight },
    output: [1.7310586, 3.7177504],
    logSumExp: [1.3132617, 4.1429316],
  },
  {
    name: "X5 ALiBi",
    ...{ query, key, value },
    options: { scale, alibiSlopes: tensor([1], 0.5) },
    weights: { 3: [0.1863237, 0.3071959, 0.5064804, 0.0147535, 0.1797341, 0.8055124] },
    output: [2.8266371, 3.5962713],
    logSumExp: [1.6802697, 3.7162767],
  },
  {
    name: "X6 sink",
    ...{ query, key, value },
    options: { scale, sinks: [1] },
    weights: { 3: [0.0723295, 0.1966119, 0.5344466, 0.0152194, 0.1124572, 0.8309527] },
    output: [2.6033399, 3.5639445],
    logSumExp: [2.6265234, 4.1851825],
  },
  {
    name: "X6 sink, everything masked",
    ...{ query, key, value },
    options: { scale, sinks: [1], attnMask: { ...tensor([1, 1], 0), kind: "bool" } },
    weights: { 3: [0, 0, 0, 0, 0, 0] },
    output: [0, 0],
    logSumExp: [1, 1],
  },
  {
    name: "X7 mask all −1e30",
    ...{ query, key, value },
    options: { scale, attnMask: { ...tensor([3], -1e30, -1e30, -1e30), kind: "float" } },
    weights: { 3: [THIRD, THIRD, THIRD, THIRD, THIRD, THIRD] },
    output: [7 / 3, 7 / 3],
    logSumExp: [Math.fround(-1e30), Math.fround(-1e30)],
  },
  {
    name: "X7 mask all −FLT_MAX",
    ...{ query, key, value },
    options: { scale, attnMask: { ...tensor([1, 1, 1, 1], -LARGEST_FLOAT32), kind: "float" } },
    weights: { 3: [THIRD, THIRD, THIRD, THIRD, THIRD, THIRD] },
    output: [7 / 3, 7 / 3],
    logSumExp: [-(2 ** 126), -(2 ** 126)],
  },
  {
    name: "X8 NaN and infinity at a key that one row does not see",
    query,
    key: column(0, 1, NaN),
    value: column(1, 2, Infinity),
    options: { scale, isCausal: true, causalAlignment: "lower-right" },
    weights: { 3: [0.2689414, 0.7310586, 0, NaN, NaN, NaN] },
    output: [1.7310586, NaN],
    logSumExp: [1.3132617, NaN],
  },
  {
    name: "X9 dropout",
    ...{ query, key, value },
    options: { scale, dropoutP: 0.5, seed: 42 },
    weights: { 3: dense, 4: [0.1800611, 0, 0, 0, 0, 0] },
    output: [0.1800611, 0],
    logSumExp: [2.407606, 4.1429316],
  },
  {
    name: "X10 modes",
    query: tensor([1, 1, 2, 2], 3, 1, 0, 2),
    key: tensor([1, 1, 3, 2], 1, 0, 0, 1, 1, 1),
    value: column(1, 2, 4),
    options: {
      scale,
      softcap: 2,
      attnMask: { ...tensor([2, 3], 0, -1, -Infinity, 0, 0, 0), kind: "float" },
    },
    weights: {
      0: [3, 1, 4, 0, 2, 2],
      1: [1.8102965, 0.9242343, 1.9280552, 0, 1.5231883, 1.5231883],
      2: [1.8102965, -0.0757657, -Infinity, 0, 1.5231883, 1.5231883],
      3: [0.8683059, 0.1316941, 0, 0.0982931, 0.4508534, 0.4508534],
    },
  },
  // Q = [1, 0, 1], K = [1, 1, 1], V = [1, 1, 1]: a softmax over one key is 1, whatever the score.
  {
    name: "one query over one key",
    query: tensor([1, 3], 1, 0, 1),
    key: tensor([1, 3], 1, 1, 1),
    value: tensor([1, 3], 1, 1, 1),
    options: {},
    weights: { 0: [2 / Math.sqrt(3)], 3: [1] },
    output: [1, 1, 1],
    logSumExp: [2 / Math.sqrt(3)],
  },
  {
    name: "one query over three equal keys",
    query: tensor([1, 3], 1, 0, 1),
    key: tensor([3, 3], 1, 1, 1, 1, 1, 1, 1, 1, 1),
    value: tensor([3, 3], 1, 1, 1, 1, 1, 1, 1, 1, 1),
    options: {},
    weights: { 3: [THIRD, THIRD, THIRD] },
    output: [1, 1, 1],
    logSumExp: [2 / Math.sqrt(3) + Math.log(3)],
  },
];

/** X9's words: [b, h, i, j of the first, seed, words]. */
export const dropoutWords = [
  { seed: 42, b: 0, h: 0, i: 0, j: 0, words: [0x9ceaf053, 0x77f5493b, 0x12bf50ad, 0x5742b3d7] },
  { seed: 42, b: 0, h: 0, i: 1, j: 0, words: [0x42e0b8b3, 0x7dbf5de8, 0x2fe739d4, 0x6aaf03eb] },
  { seed: 2 ** 32 + 7, b: 1, h: 2, i: 3, j: 0, words: [0xff0433b5] },
] as const;

/** X11: multi-head attention of width 1 with an extra key and a zero key; attnMask's 1 means masked. */
export const multiheadExample = {
  name: "X11 multi-head attention with extra keys",
  embedDim: 1,
  numHeads: 1,
  constructorOptions: { addBiasKv: true, addZeroAttn: true },
  state: {
    in_proj_weight: tensor([3, 1], 1, 1, 1),
    in_proj_bias: tensor([3], 0, 0, 0),
    "out_proj.weight": tensor([1, 1], 1),
    "out_proj.bias": tensor([1], 0.25),
    bias_k: tensor([1, 1, 1], 1),
    bias_v: tensor([1, 1, 1], 10),
  },
  input: tensor([2, 1, 1], 1, 2),
  attnMask: { ...tensor([2, 2], 0, 1, 0, 0), kind: "bool" as const },
  weights: [0.4223188, 0, 0.4223188, 0.1553624, 0.1049936, 0.7758035, 0.1049936, 0.0142093],
  output: [4.8955068, 2.9565364],
} as const;
