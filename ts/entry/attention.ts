// The layers of attention, which the entries that bring WebAssembly have; entry/nn.ts has the others besides.
export type { AttentionForwardOptions, AttentionForwardResult } from "../nn/attention-module.js";
export {
  attentionWeights,
  type AttentionWeightsOptions,
  type AttentionWeightsResult,
} from "../nn/attention-weights.js";
export type { MultiheadAttentionOptions, RotaryOptions, SelfAttentionOptions } from "../nn/configuration.js";
export { Linear, type LinearOptions } from "../nn/linear.js";
export { Module } from "../nn/module.js";
export { MultiheadAttention } from "../nn/multihead-attention.js";
export { buffer, parameter } from "../nn/parameter.js";
export { SelfAttention } from "../nn/self-attention.js";
export type { LoadStateDictOptions, LoadStateDictResult, StateDict, StateDictLike } from "../nn/state-dict.js";
export type { LayerAttentionWeights } from "../nn/weights-collection.js";
