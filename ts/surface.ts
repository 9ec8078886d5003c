// The public exports, but for `init`, which each entry binds to a loader of its own.
export { AttentionError, type ErrorCode } from "./errors.js";
export { initSync, type Runtime } from "./runtime/instance.js";
export { type MemoryUsage, memoryUsage } from "./runtime/memory.js";
export type { ModuleSource } from "./runtime/module.js";
export type { InitOptions, InitSyncOptions } from "./runtime/options.js";
export type { Arithmetic } from "./runtime/probes.js";
export type { DType, FloatDType } from "./tensor/dtype.js";
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
