/** The gradients' oracle against the page's worked examples and against central differences of the forward oracle. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { attentionRecipes, materialize, type AttentionRecipe } from "../cases/arbitraries.js";
import { drawCotangents } from "../cases/cotangents.js";
import { workedGradients } from "../cases/worked-gradients.js";
import { attention, type OracleOptions, type OracleTensor } from "./attention.js";
import { attentionGradients, type Cotangents, type Gradients } from "./attention-gradients.js";

describe("gradients of attention: the oracle", () => {
  it.each(workedGradients)("gives the documented gradients of $name", (example) => {
    const { query, key, value, options, cotangents, gradients: documented } = example;
    const gradients = attentionGradients(query, key, value, options, cotangents);
    expect(Object.keys(gradients)).toEqual(Object.keys(documented));
    for (const [name, numbers] of Object.entries(documented)) {
      const { data } = gradients[name as keyof Gradients]!;
      expect(data.length).toBe(numbers.length);
      // To seven decimals.
      numbers.forEach((x, index) => expect(Math.abs(data[index] - x), `${name}[${index}]`).toBeLessThanOrEqual(5.1e-8));
    }
  });

  it("agrees with central differences of the forward oracle, whatever the options", () => {
    let compared = 0;
    fc.assert(
      fc.property(smoothRecipes, (recipe) => {
        compared += compareWithDifferences(recipe);
      }),
      { seed: 5, numRuns: 1500 },
    );
    expect(compared).toBeGreaterThan(15_000);
  });
});

/** Small calls without kinks: finite numbers, no mask that swallows the scores. */
const smoothRecipes = attentionRecipes.map((recipe): AttentionRecipe => ({
  ...recipe,
  batch: Math.min(recipe.batch, 2),
  queries: Math.min(recipe.queries, 1 + (recipe.dataSeed % 4)),
  newKeys: Math.min(recipe.newKeys, 6),
  pastKeys: recipe.pastKeys === null ? null : Math.min(recipe.pastKeys, 3),
  size: Math.min(recipe.size, 3),
  valueSize: Math.min(recipe.valueSize, 3),
  amplitude: Math.min(recipe.amplitude, 8),
  specials: "none",
  // The mean of scores is −Infinity wherever one of the heads hides the key.
  weights: recipe.weights && {
    ...recipe.weights,
    averageHeads: recipe.weights.averageHeads && recipe.weights.mode > 2,
  },
  mask: recipe.mask && { ...recipe.mask, addend: typeof recipe.mask.addend === "number" ? recipe.mask.addend : 1 },
}));

interface Inputs {
  readonly query: OracleTensor;
  readonly key: OracleTensor;
  readonly value: OracleTensor;
  readonly options: OracleOptions;
}

/** Σ cotangent · result. Hidden scores and empty rows' logSumExp are −Infinity, and constants. */
function lossOf({ query, key, value, options }: Inputs, cotangents: Cotangents): number {
  const results = attention(query, key, value, options);
  let loss = 0;
  for (const name of ["output", "logSumExp", "weights", "presentKey", "presentValue"] as const) {
    const [given, result] = [cotangents[name]?.data, results[name]?.data];
    for (let n = 0; given && result && n < result.length; n++) {
      loss += result[n] === -Infinity ? 0 : given[n] * result[n];
    }
  }
  return loss;
}

/** The call with one number of one input moved. */
function moved(inputs: Inputs, name: keyof Gradients, index: number, step: number): Inputs {
  const change = (data: ArrayLike<number>): Float64Array => {
    const changed = Float64Array.from(data);
    changed[index] += step;
    return changed;
  };
  const { options } = inputs;
  switch (name) {
    case "query":
    case "key":
    case "value":
      return { ...inputs, [name]: { ...inputs[name], data: change(inputs[name].data) } };
    case "sinks":
      return { ...inputs, options: { ...options, sinks: change(options.sinks!) } };
    default:
      return { ...inputs, options: { ...options, [name]: { ...options[name]!, data: change(options[name]!.data) } } };
  }
}

function valueAt({ query, key, value, options }: Inputs, name: keyof Gradients, index: number): number {
  const { sinks, attnMask, alibiSlopes, pastKey, pastValue } = options;
  const tensors = { query, key, value, attnMask, alibiSlopes, pastKey, pastValue, sinks: sinks && { data: sinks } };
  return tensors[name]!.data[index];
}

/** Compares a few elements of every gradient; returns how many. */
function compareWithDifferences(recipe: AttentionRecipe): number {
  const inputs = materialize(recipe);
  const cotangents = drawCotangents(inputs, recipe.dataSeed, "none");
  const gradients = attentionGradients(inputs.query, inputs.key, inputs.value, inputs.options, cotangents);
  let compared = 0;
  for (const [name, { data }] of Object.entries(gradients) as [keyof Gradients, OracleTensor][]) {
    for (let n = 0; n < Math.min(data.length, 4); n++) {
      const index = (recipe.dataSeed + n * 7) % data.length;
      if (valueAt(inputs, name, index) === -Infinity) {
        expect(data[index]).toBe(0);
        continue;
      }
      const step = 1e-3;
      const slope = (width: number): number =>
        (lossOf(moved(inputs, name, index, width), cotangents) -
          lossOf(moved(inputs, name, index, -width), cotangents)) /
        (2 * width);
      // The fourth order: the error of the second, which falls with the square of the step, taken out.
      const difference = (4 * slope(step) - slope(2 * step)) / 3;
      if (!(Math.abs(data[index] - difference) <= 1e-7 * (1 + Math.abs(difference)))) {
        throw new Error(`${name}[${index}] is ${data[index]}, differences give ${difference}`);
      }
      compared += 1;
    }
  }
  return compared;
}
