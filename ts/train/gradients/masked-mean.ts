import type { MaskedMeanDetails } from "../../ops/masked-mean.js";
import { float32View } from "../../runtime/memory.js";
import { pointerOf } from "../../tensor/tensor.js";
import { gradientOf, type Rule } from "../rule.js";

const maskedMean: Rule<MaskedMeanDetails> =
  ({ details: { mask, sizes } }) =>
  // output = Σ mask · input / d
  ([dy]) => [
    gradientOf(sizes, (call, dx) => {
      const [gradient, weights] = [pointerOf(dy), call.words(float32View, mask)];
      call.kernel((kernels) => kernels.masked_mean_backward(dx, gradient, weights, ...sizes));
    }),
  ];

/** Of means over some rows. */
export const maskedMeanRules = { maskedMean };
