// Generated from crate/src/abi/parameters.rs by scripts/build-wasm.mjs. Do not edit.

/** The type of each 32-bit word of an attention call's parameter block, in the order of the words. */
export const attentionParameters = {
  /** query `[B, H, L, D]` */
  query: "u32",
  /** its stride from one batch to the next */
  queryBatchStride: "u32",
  /** from one head to the next */
  queryHeadStride: "u32",
  /** from one row to the next */
  queryRowStride: "u32",
  /** new keys `[B, Hkv, S, D]` */
  key: "u32",
  /** its stride from one batch to the next */
  keyBatchStride: "u32",
  /** from one head to the next */
  keyHeadStride: "u32",
  /** from one row to the next */
  keyRowStride: "u32",
  /** new values `[B, Hkv, S, Dv]` */
  value: "u32",
  /** its stride from one batch to the next */
  valueBatchStride: "u32",
  /** from one head to the next */
  valueHeadStride: "u32",
  /** from one row to the next */
  valueRowStride: "u32",
  /** output `[B, H, L, Dv]` */
  output: "u32",
  /** its stride from one batch to the next */
  outputBatchStride: "u32",
  /** from one head to the next */
  outputHeadStride: "u32",
  /** from one row to the next */
  outputRowStride: "u32",
  /** past keys `[B, Hkv, P, D]`; 0 = no past (with a past present_key and present_value are written and then read) */
  pastKey: "u32",
  /** its stride from one batch to the next */
  pastKeyBatchStride: "u32",
  /** from one head to the next */
  pastKeyHeadStride: "u32",
  /** from one row to the next */
  pastKeyRowStride: "u32",
  /** past values `[B, Hkv, P, Dv]` */
  pastValue: "u32",
  /** its stride from one batch to the next */
  pastValueBatchStride: "u32",
  /** from one head to the next */
  pastValueHeadStride: "u32",
  /** from one row to the next */
  pastValueRowStride: "u32",
  /** past and new keys `[B, Hkv, T, D]` */
  presentKey: "u32",
  /** its stride from one batch to the next */
  presentKeyBatchStride: "u32",
  /** from one head to the next */
  presentKeyHeadStride: "u32",
  /** from one row to the next */
  presentKeyRowStride: "u32",
  /** past and new values `[B, Hkv, T, Dv]` */
  presentValue: "u32",
  /** its stride from one batch to the next */
  presentValueBatchStride: "u32",
  /** from one head to the next */
  presentValueHeadStride: "u32",
  /** from one row to the next */
  presentValueRowStride: "u32",
  /** dtype of query, keys, output and weights: 0 float32, 1 float16, 2 bfloat16 */
  dtype: "u32",
  /** dtype of the values */
  valueDtype: "u32",
  /** B */
  batch: "u32",
  /** H */
  heads: "u32",
  /** Hkv */
  keyHeads: "u32",
  /** L */
  queryLength: "u32",
  /** P */
  pastLength: "u32",
  /** S, the new keys */
  newLength: "u32",
  /** D */
  headSize: "u32",
  /** Dv */
  valueHeadSize: "u32",
  /** 1 = `scale` holds, 0 = the default 1/√D */
  hasScale: "u32",
  /** factor of the dot products */
  scale: "f32",
  /** bound of the scores, 0 = none */
  softcap: "f32",
  /** mask, 0 = none */
  mask: "u32",
  /** 0 float32, 1 float16, 2 bfloat16, 3 boolean */
  maskDtype: "u32",
  /** elements of the mask in all */
  maskLength: "u32",
  /** its stride from one batch to the next, 0 broadcasts */
  maskBatchStride: "u32",
  /** from one query head to the next, 0 broadcasts */
  maskHeadStride: "u32",
  /** from one query row to the next, 0 broadcasts */
  maskRowStride: "u32",
  /** from one key to the next: 1, or 0 to broadcast */
  maskKeyStride: "u32",
  /** keys that the mask covers; further ones are hidden */
  maskKeys: "u32",
  /** 1 = key j only where j ≤ p */
  isCausal: "u32",
  /** offset of the positions: 0 upper-left (P), 1 lower-right (key length − L) */
  causalAlignment: "u32",
  /** left window, -1 = unbounded */
  leftWindowSize: "i32",
  /** right window, -1 = unbounded */
  rightWindowSize: "i32",
  /** int32 `[B]`, 0 = all keys */
  keyLengths: "u32",
  /** float32 `[H]` or `[B, H]`, 0 = none */
  alibiSlopes: "u32",
  /** H for `[B, H]`, 0 for `[H]` */
  alibiBatchStride: "u32",
  /** float32 `[H]`, 0 = none */
  sinks: "u32",
  /** 1 = dropout */
  hasDropout: "u32",
  /** an element is kept when its word is at least this: floor(p · 2^32) */
  dropoutThreshold: "u32",
  /** 1 / (1 − p), 0 for p = 1 */
  dropoutScale: "f32",
  /** low word of the seed */
  seedLow: "u32",
  /** high word of the seed */
  seedHigh: "u32",
  /** float32 `[B, H, L]` to write, 0 = not wanted */
  logSumExp: "u32",
  /** weights to write, 0 = not wanted */
  weights: "u32",
  /** 0 raw, 1 capped, 2 score, 3 softmax, 4 after dropout; -1 = no weights */
  weightsMode: "i32",
  /** query heads wanted, uint32 */
  weightsHeads: "u32",
  /** how many */
  weightsHeadCount: "u32",
  /** query rows wanted, uint32 */
  weightsRows: "u32",
  /** how many */
  weightsRowCount: "u32",
  /** 1 = the mean over the heads */
  averageHeads: "u32",
  /** working memory, attention_scratch_bytes of it */
  scratch: "u32",
} as const;
