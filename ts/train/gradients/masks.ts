import type { CombinedMaskDetails } from "../../ops/masks.js";
import { narrow } from "../../ops/rearrangement.js";
import type { GradientTensor, Rule } from "../rule.js";
import { sumTo } from "../sum-to.js";

const combineMasks: Rule<CombinedMaskDetails> = ({ inputs, details: { axes, keys }, needs }) => {
  const shapes = inputs.map((input) => input?.shape ?? []);
  // combined = Σ masks, spread over the axes that they lack, and 0 at the keys that are none of theirs. Where one of them hides, it is
  // −Infinity, and attention gives it a gradient of 0.
  return ([dy]) => {
    const own = narrow(dy, -1, 0, keys) as GradientTensor;
    return shapes.map((shape, part) => (needs[part] ? sumTo(own, [...axes[part], keys]).reshape(shape) : undefined));
  };
};

/** Of masks. */
export const maskRules = { combineMasks };
