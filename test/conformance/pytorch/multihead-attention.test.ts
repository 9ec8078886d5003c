/** MultiheadAttention against every answer of PyTorch's module, and its state dicts. */
import { expect, it } from "vitest";
import {
  type AttentionForwardOptions,
  memoryUsage,
  type MultiheadAttention,
  scope,
  type TensorData,
} from "../../../ts/entry/default.js";
import { forEachArithmetic } from "../../support/arithmetics.js";
import { type Case, type CaseRecord, expectClose, loadCases } from "../records.js";
import { constructAttention, loadState } from "./modules.js";

function expectAnswer(pytorch: CaseRecord, attention: MultiheadAttention, options: AttentionForwardOptions): void {
  const [query, key, value] = ["query", "key", "value"].map((name) => pytorch.input(name) as TensorData);
  const results = { ...attention.forward(query, key, value, options) };
  expect(Object.keys(results)).toEqual(pytorch.record.outputs);
  for (const name of pytorch.record.outputs) {
    expectClose(name, results[name as "output" | "weights"], pytorch.stored(`outputs/${name}`), pytorch.record);
  }
}

function runCall(pytorch: CaseRecord): void {
  const { attributes } = pytorch.record;
  const attention = constructAttention(pytorch);
  try {
    loadState(attention, pytorch);
    const options: AttentionForwardOptions = {
      keyPaddingMask: pytorch.input("key_padding_mask"),
      attnMask: pytorch.input("attn_mask"),
      needWeights: attributes["need_weights"] as boolean,
      averageAttnWeights: attributes["average_attn_weights"] as boolean,
      isCausal: attributes["is_causal"] as boolean,
    };
    expectAnswer(pytorch, attention, options);
    if (attributes["attn_mask_is_causal"] === true)
      expectAnswer(pytorch, attention, { ...options, attnMask: undefined });
  } finally {
    attention.dispose();
  }
}

function runState(pytorch: CaseRecord): void {
  const attention = constructAttention(pytorch);
  const shapes = Object.entries(attention.stateDict()).map(([name, { shape }]) => [name, shape]);
  attention.dispose();
  const expected = (pytorch.record as Case & { state_shapes: Record<string, number[]> }).state_shapes;
  expect(shapes).toEqual(Object.entries(expected));
}

forEachArithmetic(() => {
  const cases = loadCases("pytorch/multihead_attention");
  const suites: [string, number, (record: CaseRecord) => void][] = [
    ["MultiheadAttention", 114, runCall],
    ["MultiheadAttentionState", 20, runState],
  ];
  for (const [operator, count, run] of suites) {
    const own = cases.filter(({ record }) => record.operator === operator);
    it(`${operator} has its ${count} cases`, () => expect(own.length).toBe(count));
    // Not `it.each`, which cuts long names short: scripts/conformance-table.mjs reads them from the report.
    for (const record of own) {
      it(`${operator}: ${record.name}`, () => {
        const before = memoryUsage().bytesInUse;
        scope(() => run(record));
        expect(memoryUsage().bytesInUse).toBe(before);
      });
    }
  }
});
