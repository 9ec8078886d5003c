/** The oracles against ONNX's, PyTorch's and transformers' own answers: shown right before they judge anything. */
import { describe, expect, it } from "vitest";
import { attention, type OracleMask, type OracleOptions, type OracleTensor, type WeightsMode } from "./attention.js";
import { attentionGradients } from "./attention-gradients.js";
import { multiheadAttention } from "./multihead-attention.js";
import { gelu, relu, silu } from "./activation.js";
import { embedding } from "./embedding.js";
import { linear } from "./linear.js";
import { layerNorm, rmsNorm } from "./normalization.js";
import { rotaryEmbedding } from "./rotary-embedding.js";
import { rotaryFrequencies, rotaryTables } from "./rotary-frequencies.js";
import { softmax } from "./softmax.js";
import type { Case } from "../conformance/records.js";
import { type RopeAttributes, ropeScalingOf } from "../conformance/rope-scaling.js";
import { storedFile } from "../conformance/stored-file.js";
import { readStoredCases, type StoredTensor } from "./safetensors.js";

function load(file: string): readonly { record: Case; get: (name: string) => StoredTensor }[] {
  const { cases, tensors } = readStoredCases<Case>(storedFile(file));
  return cases.map((record) => ({
    record,
    get: (name: string) => {
      const tensor = tensors.get(`${record.name}/${name}`);
      if (tensor === undefined) {
        throw new Error(`${record.name} has no ${name}`);
      }
      return tensor;
    },
  }));
}

/** Semantics 8.3: references in 16 bits round at each step. The float32 ones are compared far tighter than 8.3 asks. */
function tolerancesOf(dtype: string): { rtol: number; atol: number } {
  switch (dtype) {
    case "F16":
      return { rtol: 2 ** -8, atol: 1e-7 };
    case "BF16":
      return { rtol: 2 ** -6, atol: 1e-7 };
    default:
      return { rtol: 2e-6, atol: 2e-7 };
  }
}

function expectClose(
  name: string,
  actual: OracleTensor,
  stored: StoredTensor,
  tolerances = tolerancesOf(stored.dtype),
) {
  expect(actual.shape, name).toEqual(stored.shape);
  let worst = 0;
  for (let n = 0; n < stored.data.length; n++) {
    const [x, y] = [actual.data[n], stored.data[n]];
    if (Object.is(x, y) || x === y) {
      continue;
    }
    const share = Math.abs(x - y) / (tolerances.atol + tolerances.rtol * Math.abs(y));
    worst = Math.max(worst, Number.isNaN(share) ? Infinity : share);
  }
  expect(worst, `${name}: largest difference as a share of the tolerance`).toBeLessThanOrEqual(1);
}

function maskOf(tensor: StoredTensor): OracleMask {
  return { ...tensor, kind: tensor.dtype === "BOOL" ? "bool" : "float" };
}

describe("attention oracle against ONNX Attention", () => {
  it.each(load("onnx/attention"))("$record.name", ({ record, get }) => {
    const { attributes } = record;
    const given = (name: string): StoredTensor | undefined =>
      record.inputs.includes(name) ? get(`inputs/${name}`) : undefined;
    const number = (name: string): number | undefined => attributes[name] as number | undefined;
    const mask = given("attn_mask");
    const lengths = given("nonpad_kv_seqlen");
    const wanted = (output: string): boolean => record.outputs.includes(output);
    const options: OracleOptions = {
      attnMask: mask && maskOf(mask),
      isCausal: number("is_causal") === 1,
      causalAlignment: lengths ? "lower-right" : "upper-left",
      leftWindowSize: number("left_window_size"),
      rightWindowSize: number("right_window_size"),
      keyLengths: lengths && Array.from(lengths.data),
      softcap: number("softcap"),
      scale: number("scale"),
      pastKey: given("past_key"),
      pastValue: given("past_value"),
      numHeads: number("q_num_heads"),
      numKvHeads: number("kv_num_heads"),
      needWeights: wanted("qk_matmul_output"),
      weightsMode: (number("qk_matmul_output_mode") ?? 0) as WeightsMode,
    };
    const result = attention(get("inputs/Q"), get("inputs/K"), get("inputs/V"), options);
    expectClose("Y", result.output, get("outputs/Y"));
    if (wanted("present_key")) {
      expectClose("present_key", result.presentKey!, get("outputs/present_key"));
      expectClose("present_value", result.presentValue!, get("outputs/present_value"));
    }
    if (wanted("qk_matmul_output")) {
      expectClose("qk_matmul_output", result.weights!, get("outputs/qk_matmul_output"));
    }
  });
});

describe("layer oracles against ONNX", () => {
  const normalized = (shape: readonly number[], axis: number): { rows: number; columns: number } => {
    const split = axis < 0 ? shape.length + axis : axis;
    const product = (sizes: readonly number[]): number => sizes.reduce((all, size) => all * size, 1);
    return { rows: product(shape.slice(0, split)), columns: product(shape.slice(split)) };
  };
  const records = ["rotary_embedding", "layer_normalization", "rms_normalization", "gelu"].flatMap((operator) =>
    load(`onnx/${operator}`),
  );
  it.each(records)("$record.name", ({ record, get }) => {
    const number = (name: string, otherwise: number): number => (record.attributes[name] ?? otherwise) as number;
    const input = get(`inputs/${record.inputs[0]}`);
    const optional = (index: number): Float64Array | undefined =>
      record.inputs[index] ? get(`inputs/${record.inputs[index]}`).data : undefined;
    const { rows, columns } = normalized(input.shape, number("axis", -1));
    const epsilon = number("epsilon", 1e-5);
    let data: Float64Array;
    switch (record.operator) {
      case "LayerNormalization":
        data = layerNorm(input.data, optional(1), optional(2), rows, columns, epsilon);
        break;
      case "RMSNormalization":
        data = rmsNorm(input.data, optional(1), rows, columns, epsilon);
        break;
      case "Gelu":
        data = input.data.map((x) => gelu(x, (record.attributes["approximate"] ?? "none") as "none" | "tanh"));
        break;
      default: {
        const headsFirst = input.shape.length === 4;
        const heads = headsFirst ? input.shape[1] : number("num_heads", 1);
        const headSize = headsFirst ? input.shape[3] : input.shape[2] / heads;
        data = rotaryEmbedding(input.data, optional(1)!, optional(2)!, optional(3), {
          batch: input.shape[0],
          sequence: headsFirst ? input.shape[2] : input.shape[1],
          heads,
          headSize,
          rotarySize: number("rotary_embedding_dim", 0) || headSize,
          interleaved: number("interleaved", 0) === 1,
          headsFirst,
        });
      }
    }
    expectClose("output", { data, shape: input.shape }, get(`outputs/${record.outputs[0]}`), {
      rtol: 1e-5,
      atol: 1e-6,
    });
  });
});

describe("attention oracle against PyTorch", () => {
  it.each(load("pytorch/scaled_dot_product_attention"))("$record.name", ({ record, get }) => {
    const { attributes } = record;
    const bias = attributes["attn_bias"] as string | null;
    const mask = record.inputs.includes("attn_mask") ? get("inputs/attn_mask") : undefined;
    const result = attention(get("inputs/query"), get("inputs/key"), get("inputs/value"), {
      attnMask: mask && maskOf(mask),
      isCausal: attributes["is_causal"] === true || bias !== null,
      causalAlignment: bias === "causal_lower_right" ? "lower-right" : "upper-left",
      scale: (attributes["scale"] as number | null) ?? undefined,
      layout: attributes["layout"] as "BHLD" | "BLHD",
      needWeights: true,
    });
    const { rtol, atol } = record;
    expectClose("output", result.output, get("outputs/output"), { rtol, atol });
    if (record.outputs.includes("weights")) {
      expectClose("weights", result.weights!, get("outputs/weights"), { rtol, atol });
    }
    // Where every score is −FLT_MAX, ours is clamped to −2^126 (semantics 4.4) and torch's is not.
    if (record.outputs.includes("logsumexp") && !record.name.endsWith("_lowest")) {
      expectClose("logsumexp", result.logSumExp, get("outputs/logsumexp"), { rtol, atol });
    }
  });
});

describe("oracle of attention's gradients against PyTorch", () => {
  /** Both are float64: what differs is the rounding of the stored answer, and what sums of some units lose to cancellation. */
  const tolerances = { rtol: 2 ** -24, atol: 1e-12 };
  const names: Record<string, string> = { attn_mask: "attnMask", slopes: "alibiSlopes" };
  const files = ["scaled_dot_product_attention_gradients", "composed_attention_gradients"];
  it.each(files.flatMap((file) => load(`pytorch/${file}`)))("$record.name", ({ record, get }) => {
    const { attributes, inputs, outputs } = record;
    const given = (name: string): StoredTensor | undefined =>
      inputs.includes(name) ? get(`inputs/${name}`) : undefined;
    const mask = given("attn_mask") ?? given("boolean_mask");
    const options: OracleOptions = {
      attnMask: mask && maskOf(mask),
      isCausal: attributes["is_causal"] === true,
      causalAlignment: (attributes["causal_alignment"] as "upper-left" | "lower-right" | undefined) ?? "upper-left",
      leftWindowSize: attributes["left_window_size"] as number | undefined,
      rightWindowSize: attributes["right_window_size"] as number | undefined,
      alibiSlopes: given("slopes"),
      sinks: given("sinks")?.data,
      softcap: attributes["softcap"] as number | undefined,
      scale: (attributes["scale"] as number | null) ?? undefined,
      needWeights: outputs.includes("weights") || outputs.includes("scores"),
      weightsMode: outputs.includes("scores") ? 2 : 3,
    };
    const gradients = attentionGradients(get("inputs/query"), get("inputs/key"), get("inputs/value"), options, {
      output: get("inputs/output_cotangent"),
      weights: given("weights_cotangent") ?? given("scores_cotangent"),
      logSumExp: given("logsumexp_cotangent"),
    });
    for (const name of outputs.filter((output) => output.endsWith("_gradient"))) {
      const operand = name.replace("_gradient", "");
      const gradient = gradients[(names[operand] ?? operand) as keyof typeof gradients];
      if (gradient === undefined) throw new Error(`no gradient of ${operand}`);
      expectClose(name, gradient, get(`outputs/${name}`), tolerances);
    }
  });
});

describe("multi-head oracle against PyTorch", () => {
  const records = load("pytorch/multihead_attention").filter(({ record }) => record.operator === "MultiheadAttention");
  it.each(records)("$record.name", ({ record, get }) => {
    const { attributes, module: constructor = {} } = record;
    const given = (name: string): OracleMask | undefined =>
      record.inputs.includes(name) ? maskOf(get(`inputs/${name}`)) : undefined;
    const { output, weights } = multiheadAttention(
      {
        embedDim: constructor["embed_dim"] as number,
        numHeads: constructor["num_heads"] as number,
        addZeroAttn: constructor["add_zero_attn"] === true,
        batchFirst: constructor["batch_first"] === true,
      },
      Object.fromEntries((record.state ?? []).map((name) => [name, get(`state/${name}`)])),
      get("inputs/query"),
      get("inputs/key"),
      get("inputs/value"),
      {
        keyPaddingMask: given("key_padding_mask"),
        attnMask: given("attn_mask"),
        isCausal: attributes["is_causal"] === true,
        averageAttnWeights: attributes["average_attn_weights"] === true,
      },
    );
    const { rtol, atol } = record;
    expectClose("output", output, get("outputs/output"), { rtol, atol });
    if (record.outputs.includes("weights")) {
      expectClose("weights", weights, get("outputs/weights"), { rtol, atol });
    }
  });
});

describe("layer oracles against PyTorch", () => {
  it.each(load("pytorch/functional"))("$record.name", ({ record, get }) => {
    const { attributes } = record;
    const stored = get("outputs/output");
    const optional = (name: string): Float64Array | undefined =>
      record.inputs.includes(name) ? get(`inputs/${name}`).data : undefined;
    const input = record.operator === "embedding" ? get("inputs/indices") : get("inputs/input");
    const columns = input.shape[input.shape.length - 1] ?? 1;
    const rows = input.data.length / columns;
    const normalizedColumns = ((attributes["normalized_shape"] as number[] | undefined) ?? [columns]).reduce(
      (all, size) => all * size,
      1,
    );
    const normalizedRows = input.data.length / normalizedColumns;
    let data: ArrayLike<number>;
    switch (record.operator) {
      case "layer_norm":
        data = layerNorm(
          input.data,
          optional("weight"),
          optional("bias"),
          normalizedRows,
          normalizedColumns,
          attributes["eps"] as number,
        );
        break;
      case "rms_norm":
        data = rmsNorm(
          input.data,
          optional("weight"),
          normalizedRows,
          normalizedColumns,
          (attributes["eps"] as number | null) ?? 2 ** -23,
        );
        break;
      case "gelu":
        data = input.data.map((x) => gelu(x, attributes["approximate"] as "none" | "tanh"));
        break;
      case "silu":
        data = input.data.map(silu);
        break;
      case "relu":
        data = input.data.map(relu);
        break;
      case "softmax":
        data = softmax(input.data, rows, columns);
        break;
      case "linear": {
        const weight = get("inputs/weight");
        data = linear(input.data, weight.data, optional("bias"), rows, columns, weight.shape[0]);
        break;
      }
      case "embedding":
        data = embedding(get("inputs/weight").data, input.data, get("inputs/weight").shape[1]);
        break;
      default:
        throw new Error(`no oracle for ${record.operator}`);
    }
    // torch's float32 subtraction of a mean of 100 costs it two digits that float64 keeps.
    const atol = record.name === "layer_norm_offset" ? 4e-5 : record.atol;
    expectClose("output", { data, shape: stored.shape }, stored, { rtol: record.rtol, atol });
  });
});

describe("linear oracle and an activation against PyTorch", () => {
  const activations: Record<string, (x: number, approximate: "none" | "tanh") => number> = { gelu, silu, relu };
  it.each(load("pytorch/linear"))("$record.name", ({ record, get }) => {
    const { activation, approximate } = record.attributes as {
      activation: string | null;
      approximate: "none" | "tanh";
    };
    const [input, weight, stored] = [get("inputs/input"), get("state/weight"), get("outputs/output")];
    const bias = record.state?.includes("bias") === true ? get("state/bias").data : undefined;
    const [outFeatures, inFeatures] = weight.shape;
    const sums = linear(input.data, weight.data, bias, input.data.length / inFeatures, inFeatures, outFeatures);
    const data = activation === null ? sums : sums.map((x) => activations[activation](x, approximate));
    expectClose("output", { data, shape: stored.shape }, stored, { rtol: record.rtol, atol: record.atol });
  });
});

describe("rotary oracle with scaled frequencies against transformers", () => {
  it.each(load("transformers/rope_scaling"))("$record.name", ({ record, get }) => {
    const attributes = record.attributes as unknown as RopeAttributes;
    const [query, ids, stored] = [get("inputs/query"), get("inputs/position_ids"), get("outputs/output")];
    const [batch, heads, sequence, headSize] = query.shape;
    const length = Math.max(...ids.data) + 1;
    const frequencies = rotaryFrequencies(headSize, attributes.rope_theta, ropeScalingOf(attributes), length);
    const { cosine, sine } = rotaryTables(ids.data, frequencies);
    const sizes = { batch, sequence, heads, headSize, rotarySize: headSize };
    const data = rotaryEmbedding(query.data, cosine, sine, undefined, {
      ...sizes,
      interleaved: false,
      headsFirst: true,
    });
    expectClose("output", { data, shape: stored.shape }, stored, record);
  });
});
