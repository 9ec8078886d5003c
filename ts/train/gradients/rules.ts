import type { Rule } from "../rule.js";
import { attentionRules } from "./attention.js";
import { tensorRules } from "./tensor.js";

/** The gradient of every operation, by the name under which it is recorded. */
export const rules: Readonly<Record<string, Rule<never> | undefined>> = {
  ...tensorRules,
  ...attentionRules,
};
