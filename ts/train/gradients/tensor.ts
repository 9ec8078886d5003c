import type { Rule } from "../rule.js";

const reshape: Rule = ({ inputs: [input] }) => {
  const shape = input?.shape ?? [];
  // output = input in another shape
  return ([dy]) => [dy.reshape(shape)];
};

// output = input in another float dtype: rounding counts as identity
const to: Rule = () => (gradients) => gradients;

/** Of the tensors' own methods. */
export const tensorRules = { reshape, to };
