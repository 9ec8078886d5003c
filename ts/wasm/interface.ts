// Generated from crate/src by crate/examples/interface.rs. Do not edit.

/** What an export answers in place of a size that overflows. */
export const OVERFLOW = 4294967295;

/** What a signed word of an argument block holds for something that is not there. */
export const ABSENT = -1;

/** How a build multiplies and adds, with its number. */
export const arithmetics = {
  separate: 0,
  fused: 1,
} as const;

/** A dtype that kernels compute with, with its number. */
export const dtypes = {
  float32: 0,
  float16: 1,
  bfloat16: 2,
} as const;

/** A dtype of masks, with its number. */
export const maskDTypes = {
  float32: 0,
  float16: 1,
  bfloat16: 2,
  bool: 3,
} as const;

/** A function that is applied to an output, with its number. */
export const activations = {
  identity: 0,
  gelu: 1,
  "gelu-tanh": 2,
  silu: 3,
  relu: 4,
  sigmoid: 5,
  tanh: 6,
} as const;

/** Where the diagonal of a causal mask begins, with its number. */
export const causalAlignments = {
  "upper-left": 0,
  "lower-right": 1,
} as const;

/** What is returned as attention weights, with its number. */
export const weightsModes = {
  raw: 0,
  capped: 1,
  score: 2,
  softmax: 3,
  dropout: 4,
} as const;

/** Which factor of a product lies in memory transposed, with its number. */
export const transpositions = {
  neither: 0,
  first: 1,
  second: 2,
} as const;

/** A kind of scaling of rotary frequencies, with its number. */
export const ropeTypes = {
  default: 0,
  linear: 1,
  dynamic: 2,
  yarn: 3,
  llama3: 4,
} as const;

/** The 32-bit words of the argument block of attention_forward, in their order: each one's name and type. */
export const attentionArguments = [
  /** query `[B, H, L, D]` */
  ["query", "u32"],
  /** its stride from one batch to the next */
  ["queryBatchStride", "u32"],
  /** from one head to the next */
  ["queryHeadStride", "u32"],
  /** from one row to the next */
  ["queryRowStride", "u32"],
  /** new keys `[B, Hkv, S, D]` */
  ["key", "u32"],
  /** its stride from one batch to the next */
  ["keyBatchStride", "u32"],
  /** from one head to the next */
  ["keyHeadStride", "u32"],
  /** from one row to the next */
  ["keyRowStride", "u32"],
  /** new values `[B, Hkv, S, Dv]` */
  ["value", "u32"],
  /** its stride from one batch to the next */
  ["valueBatchStride", "u32"],
  /** from one head to the next */
  ["valueHeadStride", "u32"],
  /** from one row to the next */
  ["valueRowStride", "u32"],
  /** output `[B, H, L, Dv]` */
  ["output", "u32"],
  /** its stride from one batch to the next */
  ["outputBatchStride", "u32"],
  /** from one head to the next */
  ["outputHeadStride", "u32"],
  /** from one row to the next */
  ["outputRowStride", "u32"],
  /** past keys `[B, Hkv, P, D]`; 0 = no past (with a past present_key and present_value are written and then read) */
  ["pastKey", "u32"],
  /** its stride from one batch to the next */
  ["pastKeyBatchStride", "u32"],
  /** from one head to the next */
  ["pastKeyHeadStride", "u32"],
  /** from one row to the next */
  ["pastKeyRowStride", "u32"],
  /** past values `[B, Hkv, P, Dv]` */
  ["pastValue", "u32"],
  /** its stride from one batch to the next */
  ["pastValueBatchStride", "u32"],
  /** from one head to the next */
  ["pastValueHeadStride", "u32"],
  /** from one row to the next */
  ["pastValueRowStride", "u32"],
  /** past and new keys `[B, Hkv, T, D]` */
  ["presentKey", "u32"],
  /** its stride from one batch to the next */
  ["presentKeyBatchStride", "u32"],
  /** from one head to the next */
  ["presentKeyHeadStride", "u32"],
  /** from one row to the next */
  ["presentKeyRowStride", "u32"],
  /** past and new values `[B, Hkv, T, Dv]` */
  ["presentValue", "u32"],
  /** its stride from one batch to the next */
  ["presentValueBatchStride", "u32"],
  /** from one head to the next */
  ["presentValueHeadStride", "u32"],
  /** from one row to the next */
  ["presentValueRowStride", "u32"],
  /** a `Dtype`, that of query, keys and weights */
  ["dtype", "u32"],
  /** a `Dtype`, that of the values */
  ["valueDtype", "u32"],
  /** a `Dtype`, that of the output */
  ["outputDtype", "u32"],
  /** B */
  ["batch", "u32"],
  /** H */
  ["heads", "u32"],
  /** Hkv */
  ["keyHeads", "u32"],
  /** L */
  ["queryLength", "u32"],
  /** P */
  ["pastLength", "u32"],
  /** S, the new keys */
  ["newLength", "u32"],
  /** D */
  ["headSize", "u32"],
  /** Dv */
  ["valueHeadSize", "u32"],
  /** 1 = `scale` holds, 0 = the default 1/√D */
  ["hasScale", "u32"],
  /** factor of the dot products */
  ["scale", "f32"],
  /** bound of the scores, 0 = none */
  ["softcap", "f32"],
  /** mask, 0 = none */
  ["mask", "u32"],
  /** a `MaskDtype` */
  ["maskDtype", "u32"],
  /** elements of the mask in all */
  ["maskLength", "u32"],
  /** its stride from one batch to the next, 0 broadcasts */
  ["maskBatchStride", "u32"],
  /** from one query head to the next, 0 broadcasts */
  ["maskHeadStride", "u32"],
  /** from one query row to the next, 0 broadcasts */
  ["maskRowStride", "u32"],
  /** from one key to the next: 1, or 0 to broadcast */
  ["maskKeyStride", "u32"],
  /** keys that the mask covers; further ones are hidden */
  ["maskKeys", "u32"],
  /** 1 = key j only where j ≤ p */
  ["isCausal", "u32"],
  /** a `CausalAlignment` */
  ["causalAlignment", "u32"],
  /** left window, `ABSENT` = unbounded */
  ["leftWindowSize", "i32"],
  /** right window, `ABSENT` = unbounded */
  ["rightWindowSize", "i32"],
  /** int32 `[B]`, 0 = all keys */
  ["keyLengths", "u32"],
  /** float32 `[H]` or `[B, H]`, 0 = none */
  ["alibiSlopes", "u32"],
  /** H for `[B, H]`, 0 for `[H]` */
  ["alibiBatchStride", "u32"],
  /** float32 `[H]`, 0 = none */
  ["sinks", "u32"],
  /** 1 = dropout */
  ["hasDropout", "u32"],
  /** an element is kept when its word is at least this: floor(p · 2^32) */
  ["dropoutThreshold", "u32"],
  /** 1 / (1 − p), 0 for p = 1 */
  ["dropoutScale", "f32"],
  /** low word of the seed */
  ["seedLow", "u32"],
  /** high word of the seed */
  ["seedHigh", "u32"],
  /** float32 `[B, H, L]` to write, 0 = not wanted */
  ["logSumExp", "u32"],
  /** float32 `[2, B, H, L]` to write for the backward pass: references, then inverse sums; 0 = not wanted */
  ["statistics", "u32"],
  /** weights to write, 0 = not wanted */
  ["weights", "u32"],
  /** a `WeightsMode`, `ABSENT` = no weights */
  ["weightsMode", "i32"],
  /** query heads wanted, uint32 */
  ["weightsHeads", "u32"],
  /** how many */
  ["weightsHeadCount", "u32"],
  /** query rows wanted, uint32 */
  ["weightsRows", "u32"],
  /** how many */
  ["weightsRowCount", "u32"],
  /** 1 = the mean over the heads */
  ["averageHeads", "u32"],
  /** working memory, attention_scratch_bytes of it */
  ["scratch", "u32"],
] as const;

/** The 32-bit words of the argument block of attention_backward, in their order: each one's name and type. */
export const attentionBackwardArguments = [
  /** gradient of the query, at the query's strides; 0 = not wanted */
  ["queryGradient", "u32"],
  /** gradient of the new keys, at their strides; 0 = not wanted */
  ["keyGradient", "u32"],
  /** gradient of the new values, at their strides; 0 = not wanted */
  ["valueGradient", "u32"],
  /** gradient of the past keys, at their strides; 0 = not wanted */
  ["pastKeyGradient", "u32"],
  /** gradient of the past values, at their strides; 0 = not wanted */
  ["pastValueGradient", "u32"],
  /** gradient of the mask, as long as it; 0 = not wanted */
  ["maskGradient", "u32"],
  /** gradient of the slopes, as long as they; 0 = not wanted */
  ["slopesGradient", "u32"],
  /** gradient of the sinks `[H]`; 0 = not wanted */
  ["sinksGradient", "u32"],
  /** the forward pass's output, at its strides */
  ["output", "u32"],
  /** what the forward pass wrote as statistics */
  ["statistics", "u32"],
  /** gradient of the output, at its strides */
  ["outputCotangent", "u32"],
  /** gradient of the present keys, at their strides; 0 = none */
  ["presentKeyCotangent", "u32"],
  /** gradient of the present values, at their strides; 0 = none */
  ["presentValueCotangent", "u32"],
  /** gradient of the log-sum-exp `[B, H, L]`; 0 = none */
  ["logSumExpCotangent", "u32"],
  /** gradient of the weights `[B, heads, rows, T]`; 0 = none */
  ["weightsCotangent", "u32"],
  /** a `WeightsMode` */
  ["weightsMode", "u32"],
  /** heads of that gradient */
  ["weightsHeadCount", "u32"],
  /** rows of that gradient */
  ["weightsRowCount", "u32"],
  /** int32 `[H]`: a query head's place among those heads, `ABSENT` = none */
  ["headPlaces", "u32"],
  /** int32 `[L]`: a query row's place among those rows, `ABSENT` = none */
  ["rowPlaces", "u32"],
  /** float32 `[H]`: a factor of the head's gradient */
  ["headFactors", "u32"],
  /** working memory, attention_backward_scratch_bytes of it */
  ["scratch", "u32"],
] as const;

/** The 32-bit words of the argument block of rotary_embedding, in their order: each one's name and type. */
export const rotaryEmbeddingArguments = [
  /** output, of the input's sizes and strides */
  ["output", "u32"],
  /** input, heads of D elements at the strides */
  ["input", "u32"],
  /** cosines `[tableRows, R / 2]` */
  ["cosine", "u32"],
  /** sines, likewise */
  ["sine", "u32"],
  /** int32, of each batch L, positionStride apart; 0 = the rows in their order */
  ["positionIds", "u32"],
  /** B */
  ["batch", "u32"],
  /** L */
  ["length", "u32"],
  /** H */
  ["heads", "u32"],
  /** D */
  ["headSize", "u32"],
  /** R, the elements of a head that are turned */
  ["rotarySize", "u32"],
  /** rows of the tables */
  ["tableRows", "u32"],
  /** from one batch to the next */
  ["batchStride", "u32"],
  /** from one head to the next */
  ["headStride", "u32"],
  /** from one row to the next */
  ["rowStride", "u32"],
  /** from one batch to the next among the positions or, without them, among the rows of the tables */
  ["positionStride", "u32"],
  /** 1 = pairs are neighbours */
  ["interleaved", "u32"],
  /** 1 = by the opposite angle */
  ["inverse", "u32"],
] as const;

/** The 32-bit words of the argument block of conv1d and conv1d_backward, in their order: each one's name and type. */
export const convolutionArguments = [
  /** input `[B, C, L]` */
  ["input", "u32"],
  /** weight `[O, C / groups, K]` */
  ["weight", "u32"],
  /** bias `[O]`, 0 = none */
  ["bias", "u32"],
  /** output `[B, O, T]`, or its gradient */
  ["output", "u32"],
  /** gradient of the input to write, 0 = not wanted */
  ["inputGradient", "u32"],
  /** of the weight, 0 = not wanted */
  ["weightGradient", "u32"],
  /** of the bias, 0 = not wanted */
  ["biasGradient", "u32"],
  /** working memory, conv1d_scratch_length of it */
  ["scratch", "u32"],
  /** B */
  ["batch", "u32"],
  /** C */
  ["channels", "u32"],
  /** L */
  ["length", "u32"],
  /** O */
  ["outChannels", "u32"],
  /** K */
  ["kernelSize", "u32"],
  /** from what one output sees to the next */
  ["stride", "u32"],
  /** zeros before the input, and after it */
  ["padding", "u32"],
  /** from one place of the kernel to the next */
  ["dilation", "u32"],
  /** into which the channels are cut */
  ["groups", "u32"],
] as const;

/** The 32-bit words of the argument block of adam, in their order: each one's name and type. */
export const adamArguments = [
  /** parameter, to be changed */
  ["parameter", "u32"],
  /** m, likewise */
  ["first", "u32"],
  /** v, likewise */
  ["second", "u32"],
  /** the largest v so far, likewise; 0 = not wanted */
  ["largest", "u32"],
  /** gradient */
  ["gradient", "u32"],
  /** elements of each */
  ["length", "u32"],
  /** 1 − lr · weight decay, of AdamW; 1 for Adam */
  ["decay", "f32"],
  /** what of the parameter is added to the gradient, of Adam; 0 for AdamW */
  ["weightDecay", "f32"],
  /** 1 − β1 */
  ["firstShare", "f32"],
  /** β2 */
  ["secondDecay", "f32"],
  /** 1 − β2 */
  ["secondShare", "f32"],
  /** −lr / (1 − β1^t) */
  ["stepSize", "f32"],
  /** √(1 − β2^t) */
  ["correction", "f32"],
  /** ε */
  ["epsilon", "f32"],
] as const;

/** What a build of this interface exports as `interface_hash`: other exports, blocks or numbers have another. */
export const INTERFACE_HASH = 0x74180aa0;
