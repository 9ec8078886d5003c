/** Random gradients of an attention call's results, the same ones every time. */
import { describeProblem, formOfPast, resultShapes } from "../oracle/attention.js";
import type { Cotangents } from "../oracle/attention-gradients.js";
import { roundTo, type FloatType } from "../oracle/half.js";
import {
  bell,
  shapeOf,
  sprinkle,
  uniformGenerator,
  type AttentionCase,
  type CaseTensor,
  type Specials,
} from "./arbitraries.js";

type DrawnCotangents = { readonly [Result in keyof Cotangents]: CaseTensor };

/** Of most of the results that can be differentiated, at least of one; in any float dtype. */
export function drawCotangents(attention: AttentionCase, seed: number, specials: Specials): DrawnCotangents {
  const { query, key, value, options } = attention;
  const problem = describeProblem(query, key, value, options);
  const { form, batch, keyHeads, keys, size, valueSize, chosen } = problem;
  const uniform = uniformGenerator(seed ^ 0x5eed);
  const { output, logSumExp, weights } = resultShapes(problem);
  const past = (width: number): number[] => shapeOf(formOfPast(form), batch, keyHeads, keys, width);
  const shapes: Record<keyof Cotangents, readonly number[] | undefined> = {
    output,
    logSumExp,
    // Modes 0 and 1 are constants.
    weights: chosen && (options.weightsMode ?? 3) >= 2 ? weights : undefined,
    presentKey: options.pastKey && past(size),
    presentValue: options.pastKey && past(valueSize),
  };
  const some = Object.entries(shapes).filter(([, shape]) => shape !== undefined && uniform() < 0.7);
  return Object.fromEntries(
    (some.length > 0 ? some : [["output", output] as const]).map(([name, shape]) => {
      const dtype: FloatType = uniform() < 0.7 ? "float32" : uniform() < 0.5 ? "float16" : "bfloat16";
      const length = shape!.reduce((product, extent) => product * extent, 1);
      const data = Float64Array.from({ length }, () => bell(uniform));
      if (uniform() < 0.5) {
        sprinkle(data, specials, uniform);
      }
      return [name, { dtype, shape: shape!, data: data.map((x) => roundTo(dtype, x)) }];
    }),
  );
}
