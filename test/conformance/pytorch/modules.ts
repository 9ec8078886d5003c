/** Modules as the records have them. */
import { type Activation, Linear, type Module, MultiheadAttention } from "../../../ts/entry/default.js";
import { type CaseRecord, toTensorData } from "../records.js";

/** PyTorch's constructor arguments, null for None, and the mode. */
interface AttentionRecord {
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

/** A module with the arguments of a record. */
export function constructAttention({ record }: CaseRecord): MultiheadAttention {
  const module = record.module as unknown as AttentionRecord;
  return new MultiheadAttention(module.embed_dim, module.num_heads, {
    dropout: module.dropout,
    bias: module.bias,
    addBiasKv: module.add_bias_kv,
    addZeroAttn: module.add_zero_attn,
    kdim: module.kdim ?? undefined,
    vdim: module.vdim ?? undefined,
    batchFirst: module.batch_first,
  }).train(module.training);
}

/** PyTorch's constructor arguments. */
interface LinearRecord {
  readonly in_features: number;
  readonly out_features: number;
  readonly bias: boolean;
}

function activationOf({ record }: CaseRecord): Activation | undefined {
  const { activation, approximate } = record.attributes as { activation: Activation | null; approximate?: string };
  return approximate === "tanh" ? "gelu-tanh" : (activation ?? undefined);
}

/** A layer with the arguments of a record, and the function after it. */
export function constructLinear(pytorch: CaseRecord): Linear {
  const { in_features, out_features, bias } = pytorch.record.module as unknown as LinearRecord;
  return new Linear(in_features, out_features, { bias, activation: activationOf(pytorch) });
}

/** Loads the parameters of a record. */
export function loadState(module: Module, { record: { state = [] }, stored }: CaseRecord): void {
  module.loadStateDict(Object.fromEntries(state.map((name) => [name, toTensorData(stored(`state/${name}`))])));
}
