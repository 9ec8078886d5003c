/** The gradients of scaledDotProductAttention and MultiheadAttention against PyTorch's. */
import { expect, it } from "vitest";
import {
  type AttentionForwardOptions,
  scaledDotProductAttention,
  type Tensor,
  type TensorLike,
} from "../../../ts/entry/default.js";
import { forEachArithmetic } from "../../support/arithmetics.js";
import { withoutLeak } from "../../support/without-leak.js";
import { expectGradients, operandsOf } from "../gradients.js";
import { type CaseRecord, loadCases } from "../records.js";
import { constructAttention, loadState } from "./modules.js";

function runFunction(pytorch: CaseRecord): void {
  const { attributes } = pytorch.record;
  const operands = operandsOf(pytorch);
  const [query, key, value] = ["query", "key", "value"].map((name) => operands.get(name) as TensorLike);
  const { output } = scaledDotProductAttention(query, key, value, {
    attnMask: operands.get("attn_mask"),
    isCausal: attributes["is_causal"] as boolean,
    scale: (attributes["scale"] as number | null) ?? undefined,
  });
  expectGradients(pytorch, operands, { output });
}

/** What torch's function has no argument for, composed there of its operations. */
function runComposed(pytorch: CaseRecord): void {
  const { attributes, outputs } = pytorch.record;
  const operands = operandsOf(pytorch);
  const [query, key, value] = ["query", "key", "value"].map((name) => operands.get(name) as TensorLike);
  const result = scaledDotProductAttention(query, key, value, {
    attnMask: operands.get("attn_mask") ?? operands.get("boolean_mask"),
    isCausal: attributes["is_causal"] as boolean,
    causalAlignment: attributes["causal_alignment"] as "upper-left" | "lower-right",
    leftWindowSize: attributes["left_window_size"] as number,
    rightWindowSize: attributes["right_window_size"] as number,
    alibiSlopes: operands.get("slopes"),
    sinks: operands.get("sinks"),
    softcap: attributes["softcap"] as number,
    scale: (attributes["scale"] as number | null) ?? undefined,
    needWeights: outputs.includes("weights") || outputs.includes("scores"),
    weightsMode: outputs.includes("scores") ? 2 : undefined,
    needLogSumExp: outputs.includes("logsumexp"),
  });
  const named = { output: result.output, logsumexp: result.logSumExp, weights: result.weights, scores: result.weights };
  const results = Object.entries(named).filter(([name]) => outputs.includes(name));
  expectGradients(pytorch, operands, Object.fromEntries(results) as Record<string, Tensor>);
}

function runModule(pytorch: CaseRecord): void {
  const { attributes } = pytorch.record;
  const isCausal = attributes["is_causal"] as boolean;
  const attend = (changes: AttentionForwardOptions): void => {
    const attention = constructAttention(pytorch);
    try {
      loadState(attention, pytorch);
      const operands = operandsOf(pytorch);
      const [query, key, value] = ["query", "key", "value"].map((name) => operands.get(name) as TensorLike);
      const options: AttentionForwardOptions = {
        keyPaddingMask: operands.get("key_padding_mask"),
        attnMask: operands.get("attn_mask"),
        needWeights: attributes["need_weights"] as boolean,
        averageAttnWeights: attributes["average_attn_weights"] as boolean,
        isCausal,
        ...changes,
      };
      const { output, weights } = attention.forward(query, key, value, options);
      const results = { output, ...(weights === undefined ? {} : { weights }) };
      expectGradients(pytorch, operands, results, attention.namedParameters());
    } finally {
      attention.dispose();
    }
  };
  attend({});
  // The mask is the causal one, for which `isCausal` stands.
  if (isCausal) attend({ attnMask: undefined });
}

forEachArithmetic(() => {
  const suites: [string, number, (record: CaseRecord) => void][] = [
    ["scaled_dot_product_attention_gradients", 86, runFunction],
    ["composed_attention_gradients", 63, runComposed],
    ["multihead_attention_gradients", 97, runModule],
  ];
  for (const [file, count, run] of suites) {
    const cases = loadCases(`pytorch/${file}`);
    it(`${file} has its ${count} cases`, () => expect(cases.length).toBe(count));
    // Not `it.each`, which cuts long names short: scripts/conformance-table.mjs reads them from the report.
    for (const pytorch of cases) it(`${file}: ${pytorch.name}`, () => withoutLeak(() => run(pytorch)));
  }
});
