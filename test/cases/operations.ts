/**
 * One record an operation of the package. From the records follow: the properties against the oracles, the bits, what happens
 * when memory ends, leaks, refusals, and the table in docs/operations.md. test/ops/records.test.ts holds them against the
 * package's exports.
 */
import { attentionRecord } from "./operations/attention.js";
import { attentionModuleRecords } from "./operations/attention-modules.js";
import { activationRecords } from "./operations/activation.js";
import { convolutionRecord } from "./operations/convolution.js";
import { dropoutRecord } from "./operations/dropout.js";
import { elementwiseRecords } from "./operations/elementwise.js";
import { embeddingRecord } from "./operations/embedding.js";
import { layerRecords } from "./operations/layers.js";
import { linearRecords } from "./operations/linear.js";
import { logicalNotRecord } from "./operations/logical-not.js";
import { maskedMeanRecord } from "./operations/masked-mean.js";
import { matmulRecord } from "./operations/matmul.js";
import { normalizationRecords } from "./operations/normalization.js";
import { randomRecords } from "./operations/random.js";
import { rearrangementRecords } from "./operations/rearrangement.js";
import { reductionRecords } from "./operations/reduction.js";
import { rotaryEmbeddingRecord } from "./operations/rotary-embedding.js";
import { safetensorsRecords } from "./operations/safetensors.js";
import { sinusoidalPositionsRecord } from "./operations/sinusoidal-positions.js";
import { softmaxRecords } from "./operations/softmax.js";
import { topkRecords } from "./operations/topk.js";
import { transformerRecords } from "./operations/transformer.js";
import type { OperationRecord } from "./operation.js";

export const operations: readonly OperationRecord[] = [
  attentionRecord,
  ...softmaxRecords,
  ...linearRecords,
  ...normalizationRecords,
  ...activationRecords,
  rotaryEmbeddingRecord,
  sinusoidalPositionsRecord,
  embeddingRecord,
  ...elementwiseRecords,
  ...reductionRecords,
  matmulRecord,
  ...rearrangementRecords,
  convolutionRecord,
  dropoutRecord,
  logicalNotRecord,
  maskedMeanRecord,
  ...topkRecords,
  ...randomRecords,
  ...layerRecords,
  ...attentionModuleRecords,
  ...transformerRecords,
  ...safetensorsRecords,
];
