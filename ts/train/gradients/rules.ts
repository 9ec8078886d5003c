import type { Rule } from "../rule.js";
import { activationRules } from "./activation.js";
import { attentionRules } from "./attention.js";
import { concatenationRules } from "./concatenation.js";
import { convolutionRules } from "./convolution.js";
import { dropoutRules } from "./dropout.js";
import { elementwiseRules } from "./elementwise.js";
import { embeddingRules } from "./embedding.js";
import { linearRules } from "./linear.js";
import { lossRules } from "./losses.js";
import { maskedMeanRules } from "./masked-mean.js";
import { maskRules } from "./masks.js";
import { matmulRules } from "./matmul.js";
import { normalizationRules } from "./normalization.js";
import { rearrangementRules } from "./rearrangement.js";
import { reductionRules } from "./reduction.js";
import { rotaryEmbeddingRules } from "./rotary-embedding.js";
import { softmaxRules } from "./softmax.js";
import { tensorRules } from "./tensor.js";
import { topkRules } from "./topk.js";

/** The gradient of every operation, by the name under which it is recorded. */
export const rules: Readonly<Record<string, Rule<never>>> = {
  ...activationRules,
  ...attentionRules,
  ...concatenationRules,
  ...convolutionRules,
  ...dropoutRules,
  ...elementwiseRules,
  ...embeddingRules,
  ...linearRules,
  ...lossRules,
  ...maskedMeanRules,
  ...maskRules,
  ...matmulRules,
  ...normalizationRules,
  ...rearrangementRules,
  ...reductionRules,
  ...rotaryEmbeddingRules,
  ...softmaxRules,
  ...tensorRules,
  ...topkRules,
};
