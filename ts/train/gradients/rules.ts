import type { Rule } from "../rule.js";
import { attentionRules } from "./attention.js";
import { concatenationRules } from "./concatenation.js";
import { convolutionRules } from "./convolution.js";
import { dropoutRules } from "./dropout.js";
import { elementwiseRules } from "./elementwise.js";
import { linearRules } from "./linear.js";
import { lossRules } from "./losses.js";
import { maskedMeanRules } from "./masked-mean.js";
import { matmulRules } from "./matmul.js";
import { rearrangementRules } from "./rearrangement.js";
import { reductionRules } from "./reduction.js";
import { tensorRules } from "./tensor.js";
import { topkRules } from "./topk.js";

/** The gradient of every operation, by the name under which it is recorded. */
export const rules: Readonly<Record<string, Rule<never> | undefined>> = {
  ...attentionRules,
  ...concatenationRules,
  ...convolutionRules,
  ...dropoutRules,
  ...elementwiseRules,
  ...linearRules,
  ...lossRules,
  ...maskedMeanRules,
  ...matmulRules,
  ...rearrangementRules,
  ...reductionRules,
  ...tensorRules,
  ...topkRules,
};
