// Layers with parameters, for whichever entry makes the runtime.
export type { AttentionForwardOptions, AttentionForwardResult } from "../nn/attention-module.js";
export type { MultiheadAttentionOptions, RotaryOptions, SelfAttentionOptions } from "../nn/configuration.js";
export { Dropout } from "../nn/dropout.js";
export { Embedding, type EmbeddingLayerOptions } from "../nn/embedding.js";
export { LayerNorm, type LayerNormOptions } from "../nn/layer-norm.js";
export { Linear, type LinearOptions } from "../nn/linear.js";
export { addLora, mergeLora, removeLora, unmergeLora } from "../nn/lora.js";
export { type LoraFiles, type LoraFilesLike, loadLora, loraFiles } from "../nn/lora-files.js";
export type { LoraOptions } from "../nn/lora-settings.js";
export { Module } from "../nn/module.js";
export { MultiheadAttention } from "../nn/multihead-attention.js";
export { buffer, parameter } from "../nn/parameter.js";
export { RMSNorm, type RMSNormOptions } from "../nn/rms-norm.js";
export { SelfAttention } from "../nn/self-attention.js";
export type { LoadStateDictOptions, LoadStateDictResult, StateDict, StateDictLike } from "../nn/state-dict.js";
