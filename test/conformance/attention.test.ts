/** scaledDotProductAttention against every case of ONNX's Attention operator and against PyTorch's answers. */
import { expect, it } from "vitest";
import {
  memoryUsage,
  scaledDotProductAttention,
  scope,
  type ScaledDotProductAttentionOptions,
  type WeightsMode,
} from "../../ts/entry/default.js";
import { forEachArithmetic } from "../support/arithmetics.js";
import { type CaseRecord, expectClose, loadCases, requiredInput, type Tolerances } from "./records.js";

/** docs/semantics.md 8.3: ONNX's reference rounds each step in 16 bits, our results are rounded once. */
const onnxTolerances: Record<string, Tolerances> = {
  F32: { rtol: 1e-5, atol: 1e-7 },
  F16: { rtol: 2 ** -8, atol: 1e-7 },
  BF16: { rtol: 2 ** -6, atol: 1e-7 },
};

function runOnnx(onnx: CaseRecord): void {
  const { attributes, outputs } = onnx.record;
  const number = (name: string): number | undefined => attributes[name] as number | undefined;
  const keyLengths = onnx.input("nonpad_kv_seqlen");
  const wantsWeights = outputs.includes("qk_matmul_output");
  const options: ScaledDotProductAttentionOptions = {
    attnMask: onnx.input("attn_mask"),
    isCausal: number("is_causal") === 1,
    causalAlignment: keyLengths === undefined ? "upper-left" : "lower-right",
    leftWindowSize: number("left_window_size"),
    rightWindowSize: number("right_window_size"),
    keyLengths,
    softcap: number("softcap"),
    scale: number("scale"),
    pastKey: onnx.input("past_key"),
    pastValue: onnx.input("past_value"),
    numHeads: number("q_num_heads"),
    numKvHeads: number("kv_num_heads"),
    needWeights: wantsWeights,
    weightsMode: wantsWeights ? ((number("qk_matmul_output_mode") ?? 0) as WeightsMode) : undefined,
  };
  const [query, key, value] = ["Q", "K", "V"].map((name) => requiredInput(onnx, name));
  const result = scaledDotProductAttention(query, key, value, options);
  const results = {
    Y: result.output,
    present_key: result.presentKey,
    present_value: result.presentValue,
    qk_matmul_output: result.weights,
  };
  for (const [name, actual] of Object.entries(results)) {
    if (!outputs.includes(name)) continue;
    const expected = onnx.stored(`outputs/${name}`);
    expectClose(name, actual, expected, onnxTolerances[expected.dtype]);
  }
}

function runPyTorch(pytorch: CaseRecord): void {
  const { attributes, outputs } = pytorch.record;
  const bias = attributes["attn_bias"] as null | "causal_upper_left" | "causal_lower_right";
  const query = requiredInput(pytorch, "query");
  const options: ScaledDotProductAttentionOptions = {
    attnMask: pytorch.input("attn_mask"),
    isCausal: attributes["is_causal"] === true || bias !== null,
    causalAlignment: bias === "causal_lower_right" ? "lower-right" : "upper-left",
    scale: (attributes["scale"] as number | null) ?? undefined,
    layout: query.shape?.length === 4 ? (attributes["layout"] as "BHLD" | "BLHD") : undefined,
    needWeights: outputs.includes("weights"),
    needLogSumExp: outputs.includes("logsumexp"),
  };
  const result = scaledDotProductAttention(
    query,
    requiredInput(pytorch, "key"),
    requiredInput(pytorch, "value"),
    options,
  );
  const results = { output: result.output, weights: result.weights, logsumexp: result.logSumExp };
  for (const [name, actual] of Object.entries(results)) {
    if (outputs.includes(name)) expectClose(name, actual, pytorch.stored(`outputs/${name}`), pytorch.record);
  }
}

forEachArithmetic(() => {
  const suites: [string, number, (record: CaseRecord) => void][] = [
    ["onnx/attention", 93, runOnnx],
    ["pytorch/scaled_dot_product_attention", 197, runPyTorch],
  ];
  for (const [file, count, run] of suites) {
    const cases = loadCases(file);
    it(`${file} has its ${count} cases`, () => expect(cases.length).toBe(count));
    // Not `it.each`, which cuts long names short: scripts/conformance-table.mjs reads them from the report.
    for (const record of cases) {
      it(`${file}: ${record.name}`, () => {
        const before = memoryUsage().bytesInUse;
        scope(() => run(record));
        expect(memoryUsage().bytesInUse).toBe(before);
      });
    }
  }
});
