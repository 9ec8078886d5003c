/** Gradients that are not needed change nothing of those that are, and what stands for none is a constant. */
import { describe, expect, it } from "vitest";
import { embedding, layerNorm, rotaryEmbedding, swiglu, Tensor } from "../../ts/entry/default.js";
import "../../ts/entry/train.js";
import { randomOperand } from "../cases/layer-operands.js";
import { forEachArithmetic } from "../support/arithmetics.js";
import { withoutLeak } from "../support/without-leak.js";

const draw = (seed: number, ...shape: number[]): Tensor => {
  const { data } = randomOperand(seed, "float32", shape);
  return Tensor.from(data, shape, "float32");
};

const calls: Readonly<Record<string, { inputs: () => Tensor[]; run: (...inputs: Tensor[]) => Tensor }>> = {
  layerNorm: {
    inputs: () => [draw(1, 70, 13), draw(2, 13), draw(3, 13)],
    run: (input, weight, bias) => layerNorm(input, 13, weight, bias),
  },
  swiglu: { inputs: () => [draw(1, 5, 7), draw(2, 5, 7)], run: swiglu },
};

/** The gradients of those inputs that require them. */
function gradientsOf({ inputs, run }: (typeof calls)[string], isNeeded: (index: number) => boolean): unknown[] {
  const tensors = inputs();
  tensors.forEach((tensor, index) => (tensor.requiresGrad = isNeeded(index)));
  const output = run(...tensors);
  output.backward(draw(9, ...output.shape));
  return tensors.map(({ grad }) => grad?.toNested());
}

forEachArithmetic(() => {
  describe.each(Object.entries(calls))("%s", (_, call) => {
    it("has the same gradients however many are needed", () => {
      withoutLeak(() => {
        const all = gradientsOf(call, () => true);
        for (let needed = 1; needed < 2 ** all.length; needed++) {
          const isNeeded = (index: number): boolean => (needed & (1 << index)) !== 0;
          expect(gradientsOf(call, isNeeded)).toEqual(all.map((grad, index) => (isNeeded(index) ? grad : undefined)));
        }
      });
    });
  });

  it("tables and positions may be gone before the backward pass", () => {
    withoutLeak(() => {
      const [input, cosine, sine] = [draw(1, 1, 2, 3, 4), draw(2, 9, 2), draw(3, 9, 2)];
      const positionIds = Tensor.from([8, 0, 3], [3], "int32");
      input.requiresGrad = true;
      const output = rotaryEmbedding(input, { cosine, sine, positionIds });
      const expected = rotaryEmbedding(draw(9, 1, 2, 3, 4), {
        cosine,
        sine: Tensor.from(
          sine.toArray().map((x) => -x),
          sine.shape,
          "float32",
        ),
        positionIds,
      });
      for (const tensor of [cosine, sine, positionIds]) tensor.dispose();
      output.backward(draw(9, 1, 2, 3, 4));
      expect(input.grad?.toNested()).toEqual(expected.toNested());
    });
  });

  it("indices may be gone or changed before the backward pass", () => {
    withoutLeak(() => {
      const weight = draw(1, 4, 2);
      weight.requiresGrad = true;
      const ones = (): Tensor => Tensor.from(new Float32Array(6).fill(1), [3, 2], "float32");
      const indices = Int32Array.of(2, 0, 2);
      const output = embedding(indices, weight, { paddingIdx: 0 });
      indices.fill(1);
      output.backward(ones());
      const tensor = Tensor.from([2, 0, 2], [3], "int32");
      const again = embedding(tensor, weight, { paddingIdx: 0 });
      tensor.dispose();
      again.backward(ones());
      // The sum of both.
      expect(weight.grad?.toNested()).toEqual([
        [0, 0],
        [0, 0],
        [4, 4],
        [0, 0],
      ]);
    });
  });
});
