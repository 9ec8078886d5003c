// The runtime, tensors and operations: what every entry exports, beside an `init` bound to a loader of its own. Layers
// (entry/nn.ts) and files (entry/io.ts) come with the entries that bring WebAssembly, and as subpaths of their own.
export { AttentionError, type ErrorCode } from "./errors.js";
export { initSync, type Runtime } from "./runtime/instance.js";
export { type MemoryUsage, memoryUsage } from "./runtime/memory.js";
export type { CompiledModule, FetchResponse, ModuleSource } from "./runtime/module.js";
export type { InitOptions, InitSyncOptions } from "./runtime/options.js";
export type { Arithmetic } from "./runtime/probes.js";
export type { ArrayByDType, DType, ElementOf, FloatDType } from "./tensor/dtype.js";
export { keep, scope } from "./tensor/scope.js";
export type { Shape } from "./tensor/shape.js";
export type { AnyRank, BigIntArray, Elements, ElementsLike, Leaf, NestedArray, TensorData } from "./tensor/source.js";
export { Tensor } from "./tensor/tensor.js";
export type { MaskLike } from "./ops/mask-operand.js";
export type { NumbersLike } from "./ops/numbers.js";
export type { TensorLike } from "./ops/operand.js";
export type {
  ScaledDotProductAttentionOptions,
  ScaledDotProductAttentionResult,
  WeightsMode,
  WeightsSelection,
} from "./ops/attention/options.js";
export { scaledDotProductAttention } from "./ops/attention/scaled-dot-product-attention.js";
export { conv1d, type Conv1dOptions } from "./ops/convolution.js";
export { dropout, type DropoutOptions } from "./ops/dropout.js";
export { add, mul } from "./ops/elementwise.js";
export type { IndicesLike } from "./ops/indices.js";
export { linear } from "./ops/linear.js";
export { logicalNot } from "./ops/logical-not.js";
export { maskedMean } from "./ops/masked-mean.js";
export { matmul } from "./ops/matmul.js";
export { manualSeed, rand, type RandnOptions, type RandOptions, randn } from "./ops/random.js";
export { cat, type CatOptions, narrow, transpose } from "./ops/rearrangement.js";
export { mean, type ReductionOptions, sum } from "./ops/reduction.js";
export { argmax, type ArgmaxOptions, topk, type TopkOptions, type TopkResult } from "./ops/topk.js";
export type {
  DynamicRopeScaling,
  LinearRopeScaling,
  Llama3RopeScaling,
  RopeScaling,
  YarnRopeScaling,
} from "./ops/rotary-frequencies.js";
export { type Activation, gelu, type GeluOptions, relu, sigmoid, silu, swiglu, tanh } from "./ops/activation.js";
export { embedding, type EmbeddingOptions } from "./ops/embedding.js";
export { layerNorm, normalize, type NormalizeOptions, rmsNorm } from "./ops/normalization.js";
export { rotaryEmbedding, type RotaryEmbeddingOptions } from "./ops/rotary-embedding.js";
export { sinusoidalPositions } from "./ops/sinusoidal-positions.js";
export { logSoftmax, softmax, type SoftmaxOptions } from "./ops/softmax.js";
