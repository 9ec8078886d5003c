import type { Rule } from "../rule.js";
import { attentionRules } from "./attention.js";
import { elementwiseRules } from "./elementwise.js";
import { linearRules } from "./linear.js";
import { matmulRules } from "./matmul.js";
import { rearrangementRules } from "./rearrangement.js";
import { reductionRules } from "./reduction.js";
import { tensorRules } from "./tensor.js";

/** The gradient of every operation, by the name under which it is recorded. */
export const rules: Readonly<Record<string, Rule<never> | undefined>> = {
  ...attentionRules,
  ...elementwiseRules,
  ...linearRules,
  ...matmulRules,
  ...rearrangementRules,
  ...reductionRules,
  ...tensorRules,
};
