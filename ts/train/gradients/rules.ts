import type { Rule } from "../rule.js";
import { attentionRules } from "./attention.js";
import { concatenationRules } from "./concatenation.js";
import { convolutionRules } from "./convolution.js";
import { dropoutRules } from "./dropout.js";
import { lossRules } from "./losses.js";
import { linearRules } from "./linear.js";
import { maskedMeanRules } from "./masked-mean.js";
import { tensorRules } from "./tensor.js";
import { topkRules } from "./topk.js";

/** The gradient of every operation, by the name under which it is recorded. */
export const rules: Readonly<Record<string, Rule<never> | undefined>> = {
  ...attentionRules,
  ...concatenationRules,
  ...convolutionRules,
  ...dropoutRules,
  ...lossRules,
  ...linearRules,
  ...maskedMeanRules,
  ...tensorRules,
  ...topkRules,
};
