/** The worked examples of docs/training.md 11 for attention: worked out in float64, given to seven decimals. */
import type { OracleOptions, OracleTensor } from "../oracle/attention.js";
import type { Cotangents, Gradients } from "../oracle/attention-gradients.js";

export interface WorkedGradient {
  readonly name: string;
  readonly query: OracleTensor;
  readonly key: OracleTensor;
  readonly value: OracleTensor;
  readonly options: OracleOptions;
  readonly cotangents: Cotangents;
  readonly gradients: { readonly [Input in keyof Gradients]?: readonly number[] };
}

function tensor(shape: readonly number[], ...values: number[]): OracleTensor {
  return { data: Float32Array.from(values), shape };
}

/** One batch and one head of single numbers: [1, 1, n, 1]. */
const column = (...values: number[]): OracleTensor => tensor([1, 1, values.length, 1], ...values);
const rows = (...values: number[]): OracleTensor => tensor([1, 1, values.length], ...values);

const query = column(1, 2);
const key = column(0, 1, 2);
const value = column(1, 2, 4);
const output = column(1, -1);
const scale = 1;
const dropout = { dropoutP: 0.25, seed: 42 };
const THIRD = 1 / 3;

export const workedGradients: readonly WorkedGradient[] = [
  {
    name: "B1 dense",
    ...{ query, key, value },
    options: { scale },
    cotangents: { output },
    gradients: {
      query: [0.706992, -0.2878054],
      key: [-0.1154138, 0.0994463, 0.0159675],
      value: [0.0741543, 0.127418, -0.2015724],
    },
  },
  ...[key, column(0, 1, NaN)].map((keys, poisoned) => ({
    name: poisoned ? "B2 causal, NaN and infinity at the hidden key" : "B2 causal",
    query,
    key: keys,
    value: poisoned ? column(1, 2, Infinity) : value,
    options: { scale, isCausal: true },
    cotangents: { output },
    gradients: {
      query: [0, -0.1049936],
      key: [0.2099872, -0.2099872, 0],
      value: [0.8807971, -0.8807971, 0],
    },
  })),
  {
    name: "B3 window and ALiBi",
    ...{ query, key, value },
    options: { scale, leftWindowSize: 1, alibiSlopes: tensor([1], 0.5) },
    cotangents: { output },
    gradients: {
      query: [0.9346311, -0.3635125],
      key: [-0.2637378, 0.3198693, -0.0561316],
      value: [0.1715702, 0.1274618, -0.299032],
      alibiSlopes: [-0.6477267],
    },
  },
  {
    name: "B4 sink",
    ...{ query, key, value },
    options: { scale, sinks: [1] },
    cotangents: { output },
    gradients: {
      query: [1.3742567, -0.5488061],
      key: [-0.0379252, 0.2331298, 0.0217573],
      value: [0.0571101, 0.0841547, -0.296506],
      sinks: [-0.3644048],
    },
  },
  {
    name: "B5 softcap and float mask",
    ...{ query, key, value },
    options: { scale, softcap: 1, attnMask: { kind: "float", ...tensor([2, 3], 0, -1, -Infinity, 0, 0, 0) } },
    cotangents: { output },
    gradients: {
      query: [0.1035157, 0.018945],
      key: [0.2896994, 0.1443955, -0.0014949],
      value: [0.4015596, 0.0269922, -0.4285518],
      attnMask: [-0.246481, 0.246481, 0, 0.2680902, 0.2893089, -0.5573991],
    },
  },
  {
    name: "B6 dropout",
    ...{ query, key, value },
    options: { scale, ...dropout },
    cotangents: { output },
    gradients: {
      query: [-0.5644771, 0.305378],
      key: [0.0187472, -0.0837734, 0.0650262],
      value: [0.0988724, 0.1698907, 0],
    },
  },
  {
    name: "B7 two heads with one key head",
    ...{ key, value },
    query: tensor([1, 2, 2, 1], 1, 2, -1, 0.5),
    options: { scale },
    cotangents: { output: tensor([1, 2, 2, 1], 1, -1, 2, 0) },
    gradients: {
      query: [0.706992, -0.2878054, 1.1324433, 0],
      key: [0.5695451, -0.1380283, -0.4315168],
      value: [1.4046362, 0.616875, -0.0215112],
    },
  },
  {
    name: "B8 fully masked row with a sink, gradients of logSumExp",
    ...{ query, key, value },
    options: { scale, sinks: [1], attnMask: { kind: "bool", ...tensor([2, 3], 0, 0, 0, 1, 1, 1) } },
    cotangents: { output, logSumExp: rows(3, 5) },
    gradients: {
      query: [0, 8.3230066],
      key: [0.2302378, 1.4763258, 7.5848436],
      value: [-0.0152194, -0.1124572, -0.8309527],
      sinks: [3.3542964],
    },
  },
  {
    name: "B9 gradient of logSumExp",
    ...{ query, key, value },
    options: { scale },
    cotangents: { output, logSumExp: rows(1, 0) },
    gradients: {
      query: [2.2822024, -0.2878054],
      key: [-0.0253832, 0.3441748, 0.6812084],
      value: [0.0741543, 0.127418, -0.2015724],
    },
  },
  {
    name: "B10 gradient of one weight",
    ...{ query, key, value },
    options: { scale, needWeights: true },
    cotangents: { output: column(0, 0), weights: tensor([1, 1, 2, 3], 0, 0, 1, 0, 0, 0) },
    gradients: {
      query: [0.2825875, 0],
      key: [-0.059892, -0.1628034, 0.2226954],
      value: [0, 0, 0],
    },
  },
  {
    name: "B11 sink, causal lower-right, softcap, ALiBi, dropout and logSumExp",
    ...{ query, key, value },
    options: {
      scale,
      sinks: [1],
      isCausal: true,
      causalAlignment: "lower-right",
      softcap: 2,
      alibiSlopes: tensor([1], 0.5),
      ...dropout,
    },
    cotangents: { output, logSumExp: rows(0.5, -0.5) },
    gradients: {
      query: [0.6369767, -0.2242246],
      key: [-0.0134308, 0.1701367, 0.0091954],
      value: [0.0998766, 0.283798, 0],
      alibiSlopes: [0.5692266],
      sinks: [-0.3407978],
    },
  },
  {
    name: "B12 mask of −1e30 everywhere",
    ...{ query, key, value },
    options: { scale, attnMask: { kind: "float", ...tensor([2, 3], -1e30, -1e30, -1e30, -1e30, -1e30, -1e30) } },
    cotangents: { output: column(1, 1) },
    gradients: {
      query: [1, 1],
      key: [-4 * THIRD, -THIRD, 5 * THIRD],
      value: [2 * THIRD, 2 * THIRD, 2 * THIRD],
      attnMask: [-0.4444444, -0.1111111, 0.5555556, -0.4444444, -0.1111111, 0.5555556],
    },
  },
];
