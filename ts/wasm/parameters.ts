// Generated from crate/src/abi/parameters.rs by scripts/build-wasm.mjs. Do not edit.

/** Index and type of each 32-bit word of an attention call's parameter block. */
export const attentionParameters = {
  /** query `[B, H, L, D]` */
  query: { index: 0, type: "u32" },
  /** its stride from one batch to the next */
  queryBatchStride: { index: 1, type: "u32" },
  /** from one head to the next */
  queryHeadStride: { index: 2, type: "u32" },
  /** from one row to the next */
  queryRowStride: { index: 3, type: "u32" },
  /** new keys `[B, Hkv, S, D]` */
  key: { index: 4, type: "u32" },
  /** its stride from one batch to the next */
  keyBatchStride: { index: 5, type: "u32" },
  /** from one head to the next */
  keyHeadStride: { index: 6, type: "u32" },
  /** from one row to the next */
  keyRowStride: { index: 7, type: "u32" },
  /** new values `[B, Hkv, S, Dv]` */
  value: { index: 8, type: "u32" },
  /** its stride from one batch to the next */
  valueBatchStride: { index: 9, type: "u32" },
  /** from one head to the next */
  valueHeadStride: { index: 10, type: "u32" },
  /** from one row to the next */
  valueRowStride: { index: 11, type: "u32" },
  /** output `[B, H, L, Dv]` */
  output: { index: 12, type: "u32" },
  /** its stride from one batch to the next */
  outputBatchStride: { index: 13, type: "u32" },
  /** from one head to the next */
  outputHeadStride: { index: 14, type: "u32" },
  /** from one row to the next */
  outputRowStride: { index: 15, type: "u32" },
  /** past keys `[B, Hkv, P, D]`; 0 = no past (with a past present_key and present_value are written and then read) */
  pastKey: { index: 16, type: "u32" },
  /** its stride from one batch to the next */
  pastKeyBatchStride: { index: 17, type: "u32" },
  /** from one head to the next */
  pastKeyHeadStride: { index: 18, type: "u32" },
  /** from one row to the next */
  pastKeyRowStride: { index: 19, type: "u32" },
  /** past values `[B, Hkv, P, Dv]` */
  pastValue: { index: 20, type: "u32" },
  /** its stride from one batch to the next */
  pastValueBatchStride: { index: 21, type: "u32" },
  /** from one head to the next */
  pastValueHeadStride: { index: 22, type: "u32" },
  /** from one row to the next */
  pastValueRowStride: { index: 23, type: "u32" },
  /** past and new keys `[B, Hkv, T, D]` */
  presentKey: { index: 24, type: "u32" },
  /** its stride from one batch to the next */
  presentKeyBatchStride: { index: 25, type: "u32" },
  /** from one head to the next */
  presentKeyHeadStride: { index: 26, type: "u32" },
  /** from one row to the next */
  presentKeyRowStride: { index: 27, type: "u32" },
  /** past and new values `[B, Hkv, T, Dv]` */
  presentValue: { index: 28, type: "u32" },
  /** its stride from one batch to the next */
  presentValueBatchStride: { index: 29, type: "u32" },
  /** from one head to the next */
  presentValueHeadStride: { index: 30, type: "u32" },
  /** from one row to the next */
  presentValueRowStride: { index: 31, type: "u32" },
  /** dtype of query, keys, output and weights: 0 float32, 1 float16, 2 bfloat16 */
  dtype: { index: 32, type: "u32" },
  /** dtype of the values */
  valueDtype: { index: 33, type: "u32" },
  /** B */
  batch: { index: 34, type: "u32" },
  /** H */
  heads: { index: 35, type: "u32" },
  /** Hkv */
  keyHeads: { index: 36, type: "u32" },
  /** L */
  queryLength: { index: 37, type: "u32" },
  /** P */
  pastLength: { index: 38, type: "u32" },
  /** S, the new keys */
  newLength: { index: 39, type: "u32" },
  /** D */
  headSize: { index: 40, type: "u32" },
  /** Dv */
  valueHeadSize: { index: 41, type: "u32" },
  /** 1 = `scale` holds, 0 = the default 1/√D */
  hasScale: { index: 42, type: "u32" },
  /** factor of the dot products */
  scale: { index: 43, type: "f32" },
  /** bound of the scores, 0 = none */
  softcap: { index: 44, type: "f32" },
  /** mask, 0 = none */
  mask: { index: 45, type: "u32" },
  /** 0 float32, 1 float16, 2 bfloat16, 3 boolean */
  maskDtype: { index: 46, type: "u32" },
  /** elements of the mask in all */
  maskLength: { index: 47, type: "u32" },
  /** its stride from one batch to the next, 0 broadcasts */
  maskBatchStride: { index: 48, type: "u32" },
  /** from one query head to the next, 0 broadcasts */
  maskHeadStride: { index: 49, type: "u32" },
  /** from one query row to the next, 0 broadcasts */
  maskRowStride: { index: 50, type: "u32" },
  /** from one key to the next: 1, or 0 to broadcast */
  maskKeyStride: { index: 51, type: "u32" },
  /** keys that the mask covers; further ones are hidden */
  maskKeys: { index: 52, type: "u32" },
  /** 1 = key j only where j ≤ p */
  isCausal: { index: 53, type: "u32" },
  /** offset of the positions: 0 upper-left (P), 1 lower-right (key length − L) */
  causalAlignment: { index: 54, type: "u32" },
  /** left window, -1 = unbounded */
  leftWindowSize: { index: 55, type: "i32" },
  /** right window, -1 = unbounded */
  rightWindowSize: { index: 56, type: "i32" },
  /** int32 `[B]`, 0 = all keys */
  keyLengths: { index: 57, type: "u32" },
  /** float32 `[H]` or `[B, H]`, 0 = none */
  alibiSlopes: { index: 58, type: "u32" },
  /** H for `[B, H]`, 0 for `[H]` */
  alibiBatchStride: { index: 59, type: "u32" },
  /** float32 `[H]`, 0 = none */
  sinks: { index: 60, type: "u32" },
  /** 1 = dropout */
  hasDropout: { index: 61, type: "u32" },
  /** an element is kept when its word is at least this: floor(p · 2^32) */
  dropoutThreshold: { index: 62, type: "u32" },
  /** 1 / (1 − p), 0 for p = 1 */
  dropoutScale: { index: 63, type: "f32" },
  /** low word of the seed */
  seedLow: { index: 64, type: "u32" },
  /** high word of the seed */
  seedHigh: { index: 65, type: "u32" },
  /** float32 `[B, H, L]` to write, 0 = not wanted */
  logSumExp: { index: 66, type: "u32" },
  /** weights to write, 0 = not wanted */
  weights: { index: 67, type: "u32" },
  /** 0 raw, 1 capped, 2 score, 3 softmax, 4 after dropout; -1 = no weights */
  weightsMode: { index: 68, type: "i32" },
  /** query heads wanted, uint32 */
  weightsHeads: { index: 69, type: "u32" },
  /** how many */
  weightsHeadCount: { index: 70, type: "u32" },
  /** query rows wanted, uint32 */
  weightsRows: { index: 71, type: "u32" },
  /** how many */
  weightsRowCount: { index: 72, type: "u32" },
  /** 1 = the mean over the heads */
  averageHeads: { index: 73, type: "u32" },
  /** working memory, attention_scratch_bytes of it */
  scratch: { index: 74, type: "u32" },
} as const;

/** Words in the block. */
export const attentionParameterCount = 75;
