/** Gradients of attention weights that were collected from a whole model, in and outside of `checkpoint`; and ALiBi's. */
import { describe, expect, it } from "vitest";
import {
  add,
  attentionWeights,
  manualSeed,
  Module,
  rand,
  scope,
  SelfAttention,
  sum,
  type Tensor,
} from "../../ts/entry/default.js";
import { checkpoint, mseLoss, noGrad, SGD } from "../../ts/entry/train.js";
import { forEachArithmetic } from "../support/arithmetics.js";
import { expectThrows } from "../support/expect-error.js";
import { withoutLeak } from "../support/without-leak.js";

class Model extends Module {
  layers = [new SelfAttention(8, 2, { dropout: 0.25 }), new SelfAttention(8, 2, { alibi: true })];

  forward(x: Tensor): Tensor {
    return scope(() => this.layers.reduce<Tensor>((y, layer) => layer.forward(y, { isCausal: true }).output, x));
  }
}

function withModel(test: (model: Model, x: Tensor) => void): void {
  withoutLeak(() => {
    manualSeed(4);
    const model = new Model();
    try {
      test(model, rand([2, 5, 8], { seed: 3, low: -1 }));
    } finally {
      model.dispose();
    }
  });
}

const gradientsOf = (model: Module): unknown[] => model.parameters().map(({ grad }) => grad?.toNested());
const target = (shape: readonly number[]): Tensor => rand(shape, { seed: 8 });

describe("collected attention weights", () => {
  forEachArithmetic(() => {
    it("have the gradients of weights that the layer is asked for", () => {
      withModel((model, x) => {
        const call = { isCausal: true, needWeights: true, averageAttnWeights: false } as const;
        manualSeed(1);
        const first = model.layers[0].forward(x, call);
        const second = model.layers[1].forward(first.output, call);
        const [a, b] = [first, second].map(({ weights }) => mseLoss(weights, target([2, 2, 5, 5])));
        add(a, b).backward();
        const expected = gradientsOf(model);
        model.zeroGrad();
        manualSeed(1);
        const { weights } = attentionWeights(model, () => model.forward(x));
        const [c, d] = weights.map(({ weights }) => mseLoss(weights, target([2, 2, 5, 5])));
        add(c, d).backward();
        expect(gradientsOf(model)).toEqual(expected);
        expect(expected.filter((gradient) => gradient !== undefined).length).toBeGreaterThan(5);
        model.zeroGrad();
      });
    });

    it("add up with the output's, which those of the layer's own weights don't disturb", () => {
      withModel((model, x) => {
        const layer = model.layers[1];
        const run = (call: () => Tensor): unknown[] => {
          call().backward();
          const gradients = gradientsOf(layer);
          layer.zeroGrad();
          return gradients;
        };
        const wanted = target([2, 2, 5, 5]);
        const expected = run(() => {
          const { output, weights } = layer.forward(x, { needWeights: true, averageAttnWeights: false });
          return add(sum(output), mseLoss(weights, wanted));
        });
        const collected = run(() => {
          const { result, weights } = attentionWeights(layer, () => layer.forward(x));
          return add(sum(result.output), mseLoss(weights[0].weights, wanted));
        });
        expect(collected).toEqual(expected);
        const both = run(() => {
          const { result, weights } = attentionWeights(layer, () => layer.forward(x, { needWeights: true }));
          return add(sum(result.output), mseLoss(weights[0].weights, wanted));
        });
        // Of two calls the gradients of projected queries and keys are added after each is rounded.
        const flat = (gradients: unknown[]): number[] => gradients.flat(2) as number[];
        flat(both).forEach((x, n) => expect(Math.abs(x - flat(expected)[n])).toBeLessThan(1e-5));
      });
    });

    it("teach a model where to look", () => {
      withModel((model, x) => {
        const layer = model.layers[1];
        const optimizer = new SGD(layer.parameters(), { lr: 1 });
        const options = { layers: ["layers.1"], heads: [1], rows: [4] };
        const wanted = { data: [0, 1, 0, 0, 0, 0, 1, 0, 0, 0], shape: [2, 1, 1, 5] };
        const look = (): Tensor => attentionWeights(model, () => layer.forward(x), options).weights[0].weights;
        const before = look().toArray();
        for (let step = 0; step < 150; step++) {
          scope(() => {
            mseLoss(look(), wanted).backward();
            optimizer.step();
            optimizer.zeroGrad();
          });
        }
        const after = look().toArray();
        expect(Math.max(Number(before[1]), Number(before[6]))).toBeLessThan(0.5);
        expect(Math.min(Number(after[1]), Number(after[6]))).toBeGreaterThan(0.9);
        optimizer.dispose();
      });
    });

    it("of checkpoint are constants, and there once, also where backward comes in fn", () => {
      withModel((model, x) => {
        manualSeed(1);
        const plain = attentionWeights(model, () => model.forward(x));
        sum(plain.result).backward();
        const expected = gradientsOf(model);
        model.zeroGrad();
        manualSeed(1);
        const { weights } = attentionWeights(model, () => {
          sum(checkpoint((input: Tensor) => model.forward(input), x)).backward();
        });
        expect(weights.map(({ name }) => name)).toEqual(["layers.0", "layers.1"]);
        weights.forEach(({ weights }, n) => {
          expect(weights.requiresGrad).toBe(false);
          expect(weights.data).toEqual(plain.weights[n].weights.data);
        });
        expect(gradientsOf(model)).toEqual(expected);
        model.zeroGrad();
        const loss = mseLoss(weights[0].weights, target([2, 2, 5, 5]));
        expectThrows(() => loss.backward(), TypeError, "ERR_INVALID_TYPE", /requires no gradients/);
      });
    });

    it("have gradients from a checkpointed function that collects and returns them", () => {
      withModel((model, x) => {
        const run = (input: Tensor): Record<string, Tensor> => {
          const { result, weights } = attentionWeights(model, () => model.forward(input));
          return { result, first: weights[0].weights, second: weights[1].weights };
        };
        const gradients = (step: () => Record<string, Tensor>): unknown[] => {
          manualSeed(1);
          const { result, first, second } = step();
          const [a, b] = [first, second].map((weights) => mseLoss(weights, target([2, 2, 5, 5])));
          add(sum(result), add(a, b)).backward();
          const found = gradientsOf(model);
          model.zeroGrad();
          return found;
        };
        expect(gradients(() => checkpoint(run, x))).toEqual(gradients(() => run(x)));
      });
    });

    it("are constants in noGrad", () => {
      withModel((model, x) => {
        const { weights } = noGrad(() => attentionWeights(model, () => model.forward(x)));
        expect(weights.map(({ weights }) => weights.requiresGrad)).toEqual([false, false]);
      });
    });
  });
});

describe("ALiBi", () => {
  forEachArithmetic(() => {
    it("has the gradients of its bias as a mask, and none of its own", () => {
      withoutLeak(() => {
        const slopes = [0.5, 0.25];
        const bias = Float32Array.from({ length: 50 }, (_, n) => {
          return -slopes[Math.floor(n / 25)] * Math.abs((Math.floor(n / 5) % 5) - (n % 5));
        });
        const x = rand([1, 5, 8], { seed: 1, low: -1 });
        const layer = new SelfAttention(8, 2, { alibi: slopes });
        const plain = new SelfAttention(8, 2);
        plain.loadStateDict(layer.stateDict());
        const wanted = target([1, 5, 8]);
        mseLoss(layer.forward(x).output, wanted).backward();
        mseLoss(plain.forward(x, { attnMask: { data: bias, shape: [2, 5, 5] } }).output, wanted).backward();
        const flat = (module: Module): number[] => gradientsOf(module).flat(2) as number[];
        const expected = flat(plain);
        expect(Math.max(...expected.map(Math.abs))).toBeGreaterThan(0.01);
        flat(layer).forEach((gradient, n) => expect(Math.abs(gradient - expected[n])).toBeLessThan(1e-6));
        for (const module of [layer, plain]) module.dispose();
      });
    });
  });
});
