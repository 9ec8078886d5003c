/** MultiheadAttention against every answer of PyTorch's module, and its state dicts. */
import { expect, it } from "vitest";
import {
  type AttentionForwardOptions,
  memoryUsage,
  MultiheadAttention,
  type MultiheadAttentionOptions,
  scope,
  type TensorData,
} from "../../../ts/entry/default.js";
import { forEachArithmetic } from "../../support/arithmetics.js";
import { type Case, type CaseRecord, expectClose, loadCases, toTensorData } from "../records.js";

/** PyTorch's constructor arguments, null for None, and the mode. */
interface ModuleRecord {
  readonly embed_dim: number;
  readonly num_heads: number;
  readonly dropout: number;
  readonly bias: boolean;
  readonly add_bias_kv: boolean;
  readonly add_zero_attn: boolean;
  readonly kdim: number | null;
  readonly vdim: number | null;
  readonly batch_first: boolean;
  readonly training: boolean;
}

function construct({ record }: CaseRecord): MultiheadAttention {
  const module = record.module as unknown as ModuleRecord;
  const options: MultiheadAttentionOptions = {
    dropout: module.dropout,
    bias: module.bias,
    addBiasKv: module.add_bias_kv,
    addZeroAttn: module.add_zero_attn,
    kdim: module.kdim ?? undefined,
    vdim: module.vdim ?? undefined,
    batchFirst: module.batch_first,
  };
  return new MultiheadAttention(module.embed_dim, module.num_heads, options).train(module.training);
}

function expectAnswer(pytorch: CaseRecord, attention: MultiheadAttention, options: AttentionForwardOptions): void {
  const [query, key, value] = ["query", "key", "value"].map((name) => pytorch.input(name) as TensorData);
  const results = { ...attention.forward(query, key, value, options) };
  expect(Object.keys(results)).toEqual(pytorch.record.outputs);
  for (const name of pytorch.record.outputs) {
    expectClose(name, results[name as "output" | "weights"], pytorch.stored(`outputs/${name}`), pytorch.record);
  }
}

function runCall(pytorch: CaseRecord): void {
  const { attributes, state = [] } = pytorch.record;
  const attention = construct(pytorch);
  try {
    attention.loadStateDict(
      Object.fromEntries(state.map((name) => [name, toTensorData(pytorch.stored(`state/${name}`))])),
    );
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
  const attention = construct(pytorch);
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
