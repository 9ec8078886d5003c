/** linear: a row by itself, packed parameters, NaN and infinity. */
import { expect, it } from "vitest";
import { linear, memoryUsage, scope, Tensor } from "../../ts/entry/default.js";
import {
  createPackedLinear,
  type LinearParameters,
  linearPacked,
  packLinear,
  type PackedLinear,
} from "../../ts/ops/linear.js";
import { forEachArithmetic } from "../support/arithmetics.js";
import { given, randomOperand } from "../cases/layer-operands.js";
import { floats } from "../cases/operation.js";
import { expectThrowsWithoutLeak, withoutLeak } from "../support/without-leak.js";

function packed(parameters: LinearParameters): PackedLinear {
  const layer = createPackedLinear("test", parameters);
  packLinear("test", layer, parameters);
  return layer;
}

forEachArithmetic(() => {
  it("gives a row the same bits alone and in a batch", () => {
    withoutLeak(() => {
      const input = randomOperand(1, "float32", [13, 37]);
      const weight = given(randomOperand(2, "float32", [19, 37]), true);
      const batch = linear(given(input, false), weight).toArray();
      for (let row = 0; row < 13; row++) {
        const alone = linear({ data: input.data.slice(row * 37, (row + 1) * 37), shape: [37] }, weight);
        expect(alone.shape).toEqual([19]);
        expect(alone.toArray()).toEqual(batch.slice(row * 19, (row + 1) * 19));
      }
    });
  });

  it("gives the same bits with packed parameters, and with some rows of them", () => {
    withoutLeak(() => {
      const input = given(randomOperand(3, "bfloat16", [2, 9, 20]), false);
      const [weight, bias] = [randomOperand(4, "float32", [33, 20]), randomOperand(5, "float32", [40])];
      const tensors = { weight: Tensor.from(weight.data, [33, 20]), bias: Tensor.from(bias.data) };
      for (const [weightRow, biasRow, outFeatures] of [
        [0, 0, 33],
        [0, 7, 33],
        [11, 21, 19],
      ]) {
        const rows = {
          weight: { data: weight.data.slice(weightRow * 20, (weightRow + outFeatures) * 20), shape: [outFeatures, 20] },
          bias: { data: bias.data.slice(biasRow, biasRow + outFeatures), shape: [outFeatures] },
        };
        const layer = packed({ ...tensors, weightRow, biasRow, outFeatures });
        expect([layer.inFeatures, layer.outFeatures]).toEqual([20, outFeatures]);
        const output = linearPacked("test", "input", input, layer);
        expect(output.toArray()).toEqual(linear(input, rows.weight, rows.bias).toArray());
        const withoutBias = packed({ ...tensors, bias: undefined, weightRow, biasRow, outFeatures });
        const expected = linear(input, rows.weight);
        expect(linearPacked("test", "input", input, withoutBias).toArray()).toEqual(expected.toArray());
      }
    });
  });

  it("lets packed parameters belong to the scope", () => {
    withoutLeak(() => {
      const parameters = { weight: Tensor.from(new Float32Array(12), [3, 4]), bias: Tensor.from(new Float32Array(3)) };
      const before = memoryUsage().bytesInUse;
      const layer = scope(() => packed({ ...parameters, weightRow: 0, biasRow: 0, outFeatures: 3 }));
      expect(memoryUsage().bytesInUse).toBeGreaterThan(before);
      layer.weight.dispose();
      layer.bias?.dispose();
      expect(memoryUsage().bytesInUse).toBe(before);
      expectThrowsWithoutLeak(
        () => linearPacked("test", "x", floats(2, 4), layer),
        TypeError,
        "ERR_DISPOSED",
        /test: (weight|bias): /,
      );
    });
  });

  it("spreads NaN and infinity where they belong", () => {
    withoutLeak(() => {
      const weight = [
        [1, 0],
        [1, 1],
      ];
      const output = linear(
        {
          data: [
            [NaN, 1],
            [1, Infinity],
            [1, 1],
          ],
          shape: [3, 2],
        },
        { data: weight, shape: [2, 2] },
      );
      expect(output.toNested()).toEqual([
        [NaN, NaN],
        [NaN, Infinity],
        [1, 2],
      ]);
    });
  });
});
