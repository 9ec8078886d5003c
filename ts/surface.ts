// The public exports, but for `init`, which each entry binds to a loader of its own.
export { AttentionError, type ErrorCode } from "./errors.js";
export { initSync, type Runtime } from "./runtime/instance.js";
export { type MemoryUsage, memoryUsage } from "./runtime/memory.js";
export type { CompiledModule, FetchResponse, ModuleSource } from "./runtime/module.js";
export type { InitOptions, InitSyncOptions } from "./runtime/options.js";
export type { Arithmetic } from "./runtime/probes.js";
export type { ArrayByDType, DType, FloatDType } from "./tensor/dtype.js";
export { keep, scope } from "./tensor/scope.js";
export type { Shape } from "./tensor/shape.js";
export type { Elements, NestedArray, TensorData } from "./tensor/source.js";
export { Tensor } from "./tensor/tensor.js";
export type { NumbersLike } from "./ops/numbers.js";
export type { TensorLike } from "./ops/operand.js";
export type {
  ScaledDotProductAttentionOptions,
  ScaledDotProductAttentionResult,
  WeightsMode,
  WeightsSelection,
} from "./ops/attention/options.js";
export { scaledDotProductAttention } from "./ops/attention/scaled-dot-product-attention.js";
export { type Activation, gelu, type GeluOptions, relu, silu } from "./ops/activation.js";
export { embedding } from "./ops/embedding.js";
export type { IndicesLike } from "./ops/indices.js";
export { linear } from "./ops/linear.js";
export { layerNorm, rmsNorm } from "./ops/normalization.js";
export { manualSeed, rand, type RandnOptions, type RandOptions, randn } from "./ops/random.js";
export { rotaryEmbedding, type RotaryEmbeddingOptions } from "./ops/rotary-embedding.js";
export { sinusoidalPositions } from "./ops/sinusoidal-positions.js";
export { softmax, type SoftmaxOptions } from "./ops/softmax.js";
export { type LoadedSafetensors, loadSafetensors } from "./io/load-safetensors.js";
export { type SavedTensors, saveSafetensors } from "./io/save-safetensors.js";
export type { UnsupportedTensor } from "./tensor/unsupported-tensor.js";
export type { AttentionForwardOptions, AttentionForwardResult } from "./nn/attention-module.js";
export type { MultiheadAttentionOptions, RotaryOptions, SelfAttentionOptions } from "./nn/configuration.js";
export { Linear, type LinearOptions } from "./nn/linear.js";
export type { LoadStateDictOptions, LoadStateDictResult, StateDict, StateDictLike } from "./nn/module.js";
export { MultiheadAttention } from "./nn/multihead-attention.js";
export { SelfAttention } from "./nn/self-attention.js";
