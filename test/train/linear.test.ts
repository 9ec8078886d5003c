/** The gradients of linear layers: their parameters, rows of stacked ones, activations, and the bits of what is recorded. */
import { describe, expect, it } from "vitest";
import { type Activation, Linear, linear, type Tensor } from "../../ts/entry/default.js";
import { noGrad } from "../../ts/entry/train.js";
import { PackedLinear } from "../../ts/ops/packed-linear.js";
import { count, given, type LayerOperand, randomOperand } from "../cases/layer-operands.js";
import type { FloatType } from "../oracle/half.js";
import { linearGradients, linearGradientTolerance } from "../oracle/linear.js";
import { forEachArithmetic } from "../support/arithmetics.js";
import { expectWithin } from "../support/expect-within.js";
import { withoutLeak } from "../support/without-leak.js";

const dtypes: readonly FloatType[] = ["float32", "float16", "bfloat16"];
const activations: readonly (Activation | undefined)[] = [undefined, "gelu", "gelu-tanh", "silu", "relu"];

const bitsOf = (tensor: Tensor | null | undefined): ArrayLike<number> | undefined => tensor?.toArray();

/** A tensor that requires gradients. */
function leaf(operand: LayerOperand): Tensor<FloatType> {
  const tensor = given(operand, true) as Tensor<FloatType>;
  tensor.requiresGrad = true;
  return tensor;
}

/** The `grad` of a tensor that must have one. */
function gradOf({ grad }: Tensor): Tensor<"float32"> {
  if (grad === null) expect.fail("no gradient");
  return grad;
}

forEachArithmetic(() => {
  describe("Linear", () => {
    it.each(dtypes)("has the gradients of its input and its parameters, of several blocks of rows: %s", (dtype) => {
      for (const [leading, inFeatures, outFeatures, hasBias] of [
        [[3, 100], 19, 103, true],
        [[2, 4], 8, 12, false],
        [[], 5, 7, true],
      ] as const) {
        withoutLeak(() => {
          const layer = new Linear(inFeatures, outFeatures, { bias: hasBias });
          const weight = randomOperand(1, "float32", [outFeatures, inFeatures]);
          layer.loadStateDict({ weight }, { strict: false });
          const input = randomOperand(2, dtype, [...leading, inFeatures]);
          const dy = randomOperand(3, "float32", [...leading, outFeatures]);
          const x = leaf(input);
          layer.forward(x).backward(given(dy, true) as Tensor);
          const sizes = [count(leading), inFeatures, outFeatures] as const;
          const expected = linearGradients(dy.values, input.values, weight.values, ...sizes);
          const tolerance = linearGradientTolerance(dy.values, input.values, weight.values, ...sizes);
          const named = { input: x, weight: layer.weight, ...(layer.bias && { bias: layer.bias }) };
          for (const [name, tensor] of Object.entries(named)) {
            const truth = expected[name as keyof typeof expected];
            expectWithin(gradOf(tensor), "float32", tensor.shape, truth, (index) => tolerance(name, index));
          }
          layer.dispose();
        });
      }
    });

    it.each(activations)("has the same bits whether it is recorded or not: activation %s", (activation) => {
      for (const dtype of dtypes) {
        for (const rows of [1, 13]) {
          withoutLeak(() => {
            const layer = new Linear(20, 33, { activation });
            const input = given(randomOperand(4, dtype, [rows, 20], 3), true);
            const recorded = layer.forward(input);
            const alone = noGrad(() => layer.forward(input));
            expect(alone.requiresGrad).toBe(false);
            expect(recorded.dtype).toBe(dtype);
            expect(bitsOf(recorded)).toEqual(bitsOf(alone));
            layer.dispose();
          });
        }
      }
    });

    it("leaves out what needs no gradient", () => {
      withoutLeak(() => {
        const layer = new Linear(4, 3);
        layer.requiresGrad(false, /weight/);
        const x = leaf(randomOperand(5, "float32", [2, 4]));
        const dy = given(randomOperand(6, "float32", [2, 3]), true) as Tensor;
        layer.forward(x).backward(dy);
        expect([gradOf(x).shape, layer.weight.grad, layer.bias?.grad?.shape]).toEqual([[2, 4], null, [3]]);
        layer.forward(x.detach()).backward(dy);
        layer.dispose();
      });
    });
  });

  describe("rows of stacked parameters", () => {
    it("have the gradients of the rows alone, and the other rows 0", () => {
      withoutLeak(() => {
        const [inFeatures, width] = [20, 11];
        const weight = randomOperand(7, "float32", [33, inFeatures]);
        const bias = randomOperand(8, "float32", [35]);
        const stacked = { weight: leaf(weight) as Tensor<"float32">, bias: leaf(bias) as Tensor<"float32"> };
        const input = given(randomOperand(9, "float32", [5, inFeatures]), true);
        const dy = given(randomOperand(10, "float32", [5, width]), true) as Tensor;
        const expected = { weight: new Float32Array(33 * inFeatures), bias: new Float32Array(35) };
        for (const [weightRow, biasRow] of [
          [22, 24],
          [0, 1],
        ]) {
          const layer = new PackedLinear({ ...stacked, weightRow, biasRow, outFeatures: width });
          layer.apply("test", input).backward(dy);
          layer.drop();
          const part = {
            weight: leaf(randomOperand(7, "float32", [width, inFeatures])),
            bias: leaf(randomOperand(8, "float32", [width])),
          };
          linear(input, part.weight, part.bias).backward(dy);
          expected.weight.set(gradOf(part.weight).view(), weightRow * inFeatures);
          expected.bias.set(gradOf(part.bias).view(), biasRow);
          expect(bitsOf(stacked.weight.grad)).toEqual(expected.weight);
          expect(bitsOf(stacked.bias.grad)).toEqual(expected.bias);
        }
      });
    });

    it("are what the input's gradient is made of", () => {
      withoutLeak(() => {
        const weight = randomOperand(11, "float32", [9, 6]);
        const rows = { dtype: "float32", shape: [4, 6], data: weight.data.slice(3 * 6, 7 * 6) } as const;
        const [stacked, alone] = [1, 2].map(() => leaf(randomOperand(12, "float32", [3, 6])));
        const dy = given(randomOperand(13, "float32", [3, 4]), true) as Tensor;
        const tensor = given(weight, true) as Tensor<"float32">;
        const layer = new PackedLinear({ weight: tensor, weightRow: 3, bias: undefined, biasRow: 0, outFeatures: 4 });
        layer.apply("test", stacked).backward(dy);
        layer.drop();
        linear(alone, rows).backward(dy);
        expect(bitsOf(stacked.grad)).toEqual(bitsOf(gradOf(alone)));
      });
    });
  });
});
