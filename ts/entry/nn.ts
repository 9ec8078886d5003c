// Layers with parameters, for whichever entry makes the runtime.
export * from "./attention.js";
export { Conv1d, type Conv1dLayerOptions } from "../nn/conv1d.js";
export { Dropout } from "../nn/dropout.js";
export { Embedding, type EmbeddingLayerOptions } from "../nn/embedding.js";
export { FeedForward, type FeedForwardActivation, type FeedForwardOptions } from "../nn/feed-forward.js";
export { generateSquareSubsequentMask } from "../nn/generate-square-subsequent-mask.js";
export { skipInit } from "../nn/initialization.js";
export { initializeGpt, type InitializeGptOptions } from "../nn/initialize-gpt.js";
export { LayerNorm, type LayerNormOptions } from "../nn/layer-norm.js";
export { addLora, mergeLora, removeLora, unmergeLora } from "../nn/lora.js";
export { type LoraFiles, type LoraFilesLike, loadLora, loraFiles } from "../nn/lora-files.js";
export type { LoraOptions } from "../nn/lora-settings.js";
export {
  PositionalEncoding,
  type PositionalEncodingForwardOptions,
  type PositionalEncodingOptions,
} from "../nn/positional-encoding.js";
export { RMSNorm, type RMSNormOptions } from "../nn/rms-norm.js";
export { Sequential, type SequentialModule } from "../nn/sequential.js";
export { Transformer, type TransformerForwardOptions, type TransformerOptions } from "../nn/transformer.js";
export { TransformerDecoder } from "../nn/transformer-decoder.js";
export { TransformerDecoderLayer, type TransformerDecoderForwardOptions } from "../nn/transformer-decoder-layer.js";
export { TransformerEncoder } from "../nn/transformer-encoder.js";
export { TransformerEncoderLayer, type TransformerEncoderForwardOptions } from "../nn/transformer-encoder-layer.js";
export type { TransformerLayerOptions, TransformerStackOptions } from "../nn/transformer-options.js";
