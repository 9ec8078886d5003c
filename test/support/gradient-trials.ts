/** Gradients of drawn calls: the formula against central differences, the package's against the formula. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Tensor } from "../../ts/entry/default.js";
import "../../ts/entry/train.js";
import type { ByOperand, GradientTrial } from "../cases/gradient.js";
import { count, randomOperand } from "../cases/layer-operands.js";
import { forEachArithmetic } from "./arithmetics.js";
import { expectWithin } from "./expect-within.js";
import { withoutLeak } from "./without-leak.js";

/** What is differentiated, by name. */
export interface GradientTrials {
  readonly name: string;
  readonly trials: fc.Arbitrary<GradientTrial>;
  readonly numRuns: number;
}

const valuesOf = ({ operands }: GradientTrial): ByOperand<Float64Array> =>
  Object.fromEntries(Object.entries(operands).map(([name, { values }]) => [name, values]));

const dot = (a: Float64Array, b: Float64Array): number => a.reduce((sum, x, index) => sum + x * b[index], 0);

/** Numbers that are exact in float32. */
const draw = (seed: number, length: number): Float64Array => randomOperand(seed, "float32", [length]).values;

/** Registers the tests of all of them. */
export function testGradients(trialsOf: readonly GradientTrials[]): void {
  describe("the formula agrees with central differences of the oracle", () => {
    /** Balances the rounding of the differences, 2^-53 / STEP, and their curvature, STEP². */
    const STEP = 2 ** -17;

    it.each(trialsOf)("$name", ({ trials, numRuns }) => {
      fc.assert(
        fc.property(trials, fc.nat(), (trial, seed) => {
          if (trial.isSmooth === false) return;
          const values = valuesOf(trial);
          const output = trial.forward(values);
          const dy = draw(seed, output.length);
          const gradients = trial.gradients(dy);
          expect(Object.keys(gradients).sort()).toEqual(Object.keys(values).sort());
          const directions = Object.fromEntries(
            Object.entries(values).map(([name, { length }], index) => [name, draw(seed + 1 + index, length)]),
          );
          const at = (step: number): Float64Array =>
            trial.forward(
              Object.fromEntries(
                Object.entries(values).map(([name, x]) => [
                  name,
                  x.map((value, i) => value + step * directions[name][i]),
                ]),
              ),
            );
          const difference = (dot(dy, at(STEP)) - dot(dy, at(-STEP))) / (2 * STEP);
          const products = Object.entries(gradients).flatMap(([name, g]) =>
            Array.from(g, (value, index) => value * directions[name][index]),
          );
          const derivative = products.reduce((sum, product) => sum + product, 0);
          const size = products.reduce((sum, product) => sum + Math.abs(product), 0);
          const outputSize = dy.reduce((sum, value, index) => sum + Math.abs(value * output[index]), 0);
          expect(Math.abs(derivative - difference)).toBeLessThanOrEqual(1e-6 * (size + outputSize) + 1e-9);
        }),
        { numRuns },
      );
    });
  });

  forEachArithmetic(() => {
    describe("the package's gradients are within their stated error of the formula", () => {
      it.each(trialsOf)("$name", ({ trials, numRuns }) => {
        fc.assert(
          fc.property(trials, fc.nat(), (trial, seed) => {
            withoutLeak(() => {
              const entries = Object.entries(trial.operands);
              const tensors = Object.fromEntries(
                entries.map(([name, { data, shape, dtype }]) => [name, Tensor.from(data, shape, dtype)]),
              );
              for (const tensor of Object.values(tensors)) tensor.requiresGrad = true;
              const output = trial.run(tensors);
              const dy = randomOperand(seed, "float32", output.shape);
              output.backward(Tensor.from(dy.data, dy.shape, "float32"));
              const expected = trial.gradients(dy.values);
              const tolerance = trial.tolerance(dy.values);
              for (const [name, { shape }] of entries) {
                const { grad } = tensors[name];
                if (grad === null) expect.fail(`${name} has no gradient`);
                expect(count(grad.shape)).toBe(expected[name].length);
                expectWithin(grad, "float32", shape, expected[name], (index) => tolerance(name, index));
              }
            });
          }),
          { numRuns },
        );
      });
    });
  });
}
