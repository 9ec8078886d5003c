import { scaleTo } from "../../ops/broadcasting.js";
import type { SumDetails } from "../../ops/reduction.js";
import { pointerOf } from "../../tensor/tensor.js";
import { gradientOf, type Rule } from "../rule.js";

const sum: Rule<SumDetails> = ({ inputs: [input], details: { kept, factor } }) => {
  const shape = input?.shape ?? [];
  // output = factor · Σ input
  return ([dy]) => [gradientOf(shape, (call, gradient) => scaleTo(call, gradient, shape, pointerOf(dy), kept, factor))];
};

/** Of sums and means. */
export const reductionRules = { sum };
