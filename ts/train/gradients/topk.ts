import type { TopkDetails } from "../../ops/topk.js";
import { pointerOf } from "../../tensor/tensor.js";
import { gradientOf, type Rule } from "../rule.js";

const topk: Rule<TopkDetails> = ({ inputs: [input], outputs: [, indices], details, save }) => {
  const { outer, length, inner, k } = details;
  const places = save(indices);
  // values[n] = input[indices[n]]
  return ([dy]) => [
    gradientOf(input?.shape ?? [], (call, dx) => {
      const [gradient, from] = [pointerOf(dy), call.input(places)];
      call.kernel((kernels) => kernels.topk_backward(dx, gradient, from, outer, length, inner, k));
    }),
  ];
};

/** Of the largest elements. */
export const topkRules = { topk };
