import type { DropoutDetails } from "../../ops/dropout.js";
import { elementCount } from "../../tensor/shape.js";
import { pointerOf } from "../../tensor/tensor.js";
import { gradientOf, type Rule } from "../rule.js";

const dropout: Rule<DropoutDetails> =
  ({ details }) =>
  // output = input · m, with m drawn anew from the seed
  ([dy]) => [
    gradientOf(dy.shape, (call, dx) => {
      const [gradient, length] = [pointerOf(dy), elementCount(dy.shape)];
      call.kernel((kernels) => kernels.dropout(dx, gradient, length, ...details));
    }),
  ];

/** Of dropout. */
export const dropoutRules = { dropout };
