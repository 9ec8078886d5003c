import type { Rule } from "../rule.js";
import { activationRules } from "./activation.js";
import { attentionRules } from "./attention.js";
import { embeddingRules } from "./embedding.js";
import { linearRules } from "./linear.js";
import { normalizationRules } from "./normalization.js";
import { rotaryEmbeddingRules } from "./rotary-embedding.js";
import { softmaxRules } from "./softmax.js";
import { tensorRules } from "./tensor.js";

/** The gradient of every operation, by the name under which it is recorded. */
export const rules: Readonly<Record<string, Rule<never> | undefined>> = {
  ...attentionRules,
  ...softmaxRules,
  ...linearRules,
  ...normalizationRules,
  ...activationRules,
  ...rotaryEmbeddingRules,
  ...embeddingRules,
  ...tensorRules,
};
