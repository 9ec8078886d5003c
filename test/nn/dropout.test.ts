/** Dropout, alone and in the layers that have one: its modes, its seeds, how often it drops, and its gradient. */
import { describe, expect, it } from "vitest";
import { dropout, gelu, linear, manualSeed, type Module, rand, swiglu, Tensor } from "../../ts/entry/default.js";
import { Dropout, FeedForward, LayerNorm, PositionalEncoding, Sequential } from "../../ts/entry/nn.js";
import "../../ts/entry/train.js";
import { drawSeed } from "../../ts/ops/random.js";
import * as oracle from "../oracle/dropout.js";
import { forEachArithmetic } from "../support/arithmetics.js";
import { leaf } from "../support/leaf.js";
import { withoutLeak } from "../support/without-leak.js";

/** Starts the generator with a seed, and gives the first two seeds that calls draw from it. */
function seedsFrom(seed: number): [first: number, second: number] {
  manualSeed(seed);
  const seeds: [number, number] = [drawSeed("test"), drawSeed("test")];
  manualSeed(seed);
  return seeds;
}

/** Runs a test with a module, which is disposed. */
function withModule<M extends Module>(module: M, run: (module: M) => void): void {
  try {
    run(module);
  } finally {
    module.dispose();
  }
}

const ones = (length: number): Tensor<"float32"> => Tensor.from(new Float32Array(length).fill(1));

forEachArithmetic(() => {
  describe("Dropout", () => {
    it("has PyTorch's probability by default, is nobody's parameter, and starts in training mode", () => {
      const layer = new Dropout();
      expect([layer.p, layer.training, layer.stateDict(), layer.parameters()]).toEqual([0.5, true, {}, []]);
    });

    it.each(["float32", "float16", "bfloat16"] as const)("replays by the seed that it draws: %s", (dtype) => {
      withoutLeak(() => {
        const layer = new Dropout(0.3);
        const input = rand([3, 50], { seed: 1, dtype });
        const [first, second] = seedsFrom(4);
        const [one, two] = [layer.forward(input), layer.forward(input)];
        expect(one.dtype).toBe(dtype);
        expect(one.toArray()).toEqual(dropout(input, { p: 0.3, seed: first }).toArray());
        expect(two.toArray()).toEqual(dropout(input, { p: 0.3, seed: second }).toArray());
        expect(one.toArray()).not.toEqual(two.toArray());
        manualSeed(4);
        expect(layer.forward(input).toArray()).toEqual(one.toArray());
      });
    });

    it("gives its input in evaluation and for a probability of 0, and draws nothing for them", () => {
      withoutLeak(() => {
        const input = rand([4], { seed: 1 });
        manualSeed(5);
        const next = rand([1]).item();
        manualSeed(5);
        expect(new Dropout(0.5).eval().forward(input)).toBe(input);
        expect(new Dropout(0).forward(input)).toBe(input);
        expect(
          new Dropout(1)
            .eval()
            .forward({ data: [1, 2], shape: [2] })
            .toNested(),
        ).toEqual([1, 2]);
        expect(rand([1]).item()).toBe(next);
      });
    });

    it.each([0.1, 0.5, 0.9])("drops with its probability, and keeps the mean: %d", (p) => {
      withoutLeak(() => {
        const length = 100_000;
        manualSeed(8);
        const result = new Dropout(p).forward(ones(length)).toArray() as Float32Array;
        const dropped = result.filter((x) => x === 0).length / length;
        // Five standard errors.
        expect(Math.abs(dropped - p)).toBeLessThan(5 * Math.sqrt((p * (1 - p)) / length));
        const mean = result.reduce((sum, x) => sum + x, 0) / length;
        expect(Math.abs(mean - 1)).toBeLessThan(5 * Math.sqrt(p / (1 - p) / length));
      });
    });

    it("drops all for a probability of 1", () => {
      withoutLeak(() => {
        expect(new Dropout(1).forward(ones(9)).toArray()).toEqual(new Float32Array(9));
      });
    });

    it("multiplies gradients by what it multiplied elements by, and hands them on in evaluation", () => {
      withoutLeak(() => {
        const input = leaf(Array.from({ length: 40 }, (_, n) => n - 20));
        const [seed] = seedsFrom(6);
        const layer = new Dropout(0.25);
        layer.forward(input).backward(ones(40));
        expect(input.grad?.toArray()).toEqual(Float32Array.from(oracle.factors(seed, 0.25, 40)));
        input.zeroGrad();
        const other = leaf([1, 2]);
        layer
          .eval()
          .forward(other)
          .backward(Tensor.from([3, 4]));
        expect(other.grad?.toNested()).toEqual([3, 4]);
      });
    });
  });

  describe("in other layers", () => {
    it("drops the hidden elements of a FeedForward, after the activation", () => {
      withoutLeak(() => {
        const layer = new FeedForward(6, 20, { activation: "gelu", dropout: 0.4 });
        withModule(layer, () => {
          const input = rand([5, 6], { seed: 2 });
          const [seed] = seedsFrom(7);
          const output = layer.forward(input).toArray();
          const state = layer.stateDict();
          const hidden = gelu(linear(input, state["linear1.weight"], state["linear1.bias"]));
          const expected = (x: Tensor) => linear(x, state["linear2.weight"], state["linear2.bias"]).toArray();
          expect(output).toEqual(expected(dropout(hidden, { p: 0.4, seed })));
          expect(layer.eval().forward(input).toArray()).toEqual(expected(hidden));
        });
      });
    });

    it("drops the gated elements of SwiGLU", () => {
      withoutLeak(() => {
        const layer = new FeedForward(6, 20, { activation: "swiglu", dropout: 0.4 });
        withModule(layer, () => {
          const input = rand([5, 6], { seed: 2 });
          const [seed] = seedsFrom(7);
          const output = layer.forward(input).toArray();
          const state = layer.stateDict();
          const [gate, up] = ["gate", "up"].map((name) => linear(input, state[`${name}_proj.weight`]));
          const hidden = dropout(swiglu(gate, up), { p: 0.4, seed });
          expect(output).toEqual(linear(hidden, state["down_proj.weight"]).toArray());
        });
      });
    });

    it("drops elements of the sum of tokens and positions", () => {
      withoutLeak(() => {
        withModule(new PositionalEncoding(6, { maxLength: 10, dropout: 0.4 }), (layer) => {
          const input = rand([5, 6], { seed: 2 });
          const [seed] = seedsFrom(7);
          const output = layer.forward(input).toArray();
          const sum = layer.eval().forward(input);
          expect(output).toEqual(dropout(sum, { p: 0.4, seed }).toArray());
        });
      });
    });

    it("follows the mode of what holds it, and each draws a seed of its own, in order", () => {
      withoutLeak(() => {
        const model = new Sequential(
          new Dropout(0.5),
          new LayerNorm(8),
          new FeedForward(8, 8, { dropout: 0.5 }),
          new Sequential(new Dropout(0.5)),
        );
        withModule(model, () => {
          const input = rand([4, 8], { seed: 3 });
          manualSeed(2);
          const once = model.forward(input).toArray();
          const after = rand([1]).item();
          manualSeed(2);
          for (let n = 0; n < 3; n++) drawSeed("test");
          expect(rand([1]).item()).toBe(after);
          manualSeed(2);
          expect(model.forward(input).toArray()).toEqual(once);
          model.eval();
          const quiet = model.forward(input).toArray();
          expect(quiet).not.toEqual(once);
          expect(model.forward(input).toArray()).toEqual(quiet);
        });
      });
    });
  });
});
