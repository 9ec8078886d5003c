/** Models made without drawing (skipInit), and the start of GPT-2 (initializeGpt). */
import { describe, expect, it } from "vitest";
import {
  buffer,
  Linear,
  linear,
  manualSeed,
  Module,
  MultiheadAttention,
  parameter,
  rand,
  randn,
  scope,
  type Tensor,
} from "../../ts/entry/default.js";
import { Embedding, initializeGpt, skipInit, Transformer, TransformerEncoder } from "../../ts/entry/nn.js";
import { forEachArithmetic } from "../support/arithmetics.js";
import { expectThrows } from "../support/expect-error.js";
import { expectThrowsWithoutLeak, withoutLeak } from "../support/without-leak.js";

const bits = (tensor: Tensor): unknown => tensor.toArray();

const small = { dimFeedforward: 7, numEncoderLayers: 1, numDecoderLayers: 1 };

/** The generator's next numbers, from a seed on, after a call. */
function after(call: () => void): unknown {
  manualSeed(11);
  call();
  return scope(() => bits(rand([4])));
}

/** A user's, of layers in an array, a table with padding and a tied head. */
class Model extends Module {
  readonly tokens = new Embedding(5, 6, { paddingIdx: -1 });
  readonly positions = parameter(rand([2]));
  readonly stack = new TransformerEncoder(6, 2, { numLayers: 2, norm: true, dimFeedforward: 7 });
  readonly first = new Linear(6, 6);
  readonly layers = [this.first, new MultiheadAttention(6, 2, { addBiasKv: true })];
  readonly head = Linear.from(this.tokens.weight);
}

describe("skipInit", () => {
  forEachArithmetic(() => {
    it("makes layers of zeros and ones, and leaves the generator where it is", () => {
      withoutLeak(() => {
        const nothing = after(() => {});
        for (const create of [
          () => new Transformer(6, 2, small),
          () => new Embedding(3, 4, { paddingIdx: 1 }),
          () => new MultiheadAttention(6, 2, { addBiasKv: true }),
        ]) {
          const made: Module[] = [];
          expect(after(() => made.push(skipInit<Module>(create)))).toEqual(nothing);
          for (const [name, value] of made[0].namedParameters()) {
            expect(value.requiresGrad).toBe(true);
            const start = /norm\d?\.weight$/.test(name) ? 1 : 0;
            expect(bits(value), name).toEqual(new Float32Array(value.toArray().length).fill(start));
          }
          made[0].dispose();
        }
      });
    });

    it("gives a user's model, which loads what another has", () => {
      withoutLeak(() => {
        const source = new Model();
        const copy = skipInit(() => skipInit(() => new Model()));
        expect(bits(copy.first.weight)).toEqual(new Float32Array(36));
        copy.loadStateDict(source.stateDict());
        expect(copy).toEqual(source);
        source.dispose();
        copy.dispose();
      });
    });

    it("ends with the function, also with one that throws, whose layers are given back", () => {
      withoutLeak(() => {
        class Half extends Module {
          readonly first = new Linear(4, 4);
          readonly inner = skipInit(() => new Transformer(4, 2, small));
          readonly bad = new Linear(4, 0);
        }
        const message = /^Linear: outFeatures/;
        expectThrowsWithoutLeak(() => skipInit(() => new Half()), RangeError, "ERR_INVALID_VALUE", message);
        const layer = new Linear(4, 4);
        expect(layer.weight.toArray().every((x) => x !== 0)).toBe(true);
        layer.dispose();
      });
    });

    it("refuses what is no function, and a promise, whose layers stay", async () => {
      expectThrows(() => skipInit(1 as never), TypeError, "ERR_INVALID_TYPE", /^skipInit: create: .*got 1/);
      const made: Linear[] = [];
      const create = async (): Promise<void> => {
        made.push(new Linear(2, 2));
        await Promise.resolve();
        made.push(new Linear(2, 2));
      };
      const message =
        /^skipInit: create: expected a function that is done when it returns, got one that returns a promise/;
      expectThrows(() => skipInit(create), TypeError, "ERR_INVALID_TYPE", message);
      await new Promise((resolve) => setTimeout(resolve));
      const starts = made.map(({ weight }) => weight.toArray().every((x) => x === 0));
      expect(starts).toEqual([true, false]);
      for (const layer of made) layer.dispose();
    });
  });
});

describe("initializeGpt", () => {
  forEachArithmetic(() => {
    it("draws in the order of the parameters, each name with its deviation", () => {
      withoutLeak(() => {
        const model = new Model();
        const before = bits(model.positions);
        const norm = model.stack.layers[0].norm1.weight as Tensor<"float32">;
        norm.view().fill(3);
        manualSeed(12);
        expect(initializeGpt(model)).toBe(model);
        const next = bits(rand([2]));
        manualSeed(12);
        // out_proj and linear2 of two layers, and out_proj of the attention beside them.
        const projected = 0.02 / Math.sqrt(5);
        for (const [name, value] of model.namedParameters()) {
          if (value.shape.length > 1) {
            const isProjection = /(out_proj|linear2)\.weight$/.test(name);
            const expected = randn(value.shape, { standardDeviation: isProjection ? projected : 0.02 }).toArray();
            if (name === "tokens.weight") expected.fill(0, 24);
            expect(bits(value), name).toEqual(expected);
          } else if (name.endsWith("bias")) {
            expect(bits(value), name).toEqual(new Float32Array(value.shape[0]));
          }
        }
        expect(bits(rand([2]))).toEqual(next);
        expect(bits(norm)).toEqual(new Float32Array(6).fill(3));
        expect(bits(model.positions)).toEqual(before);
        expect(model.head.weight).toBe(model.tokens.weight);
        model.dispose();
      });
    });

    it("has the moments of GPT-2's start", () => {
      withoutLeak(() => {
        const layers = 3;
        const encoder = initializeGpt(new TransformerEncoder(48, 4, { numLayers: layers, dimFeedforward: 192 }));
        const moments = (tensor: Tensor): [mean: number, deviation: number, error: number] => {
          const values = [...tensor.toArray()].map(Number);
          const mean = values.reduce((sum, x) => sum + x, 0) / values.length;
          const variance = values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / values.length;
          return [mean, Math.sqrt(variance), 5 / Math.sqrt(values.length)];
        };
        for (const { self_attn, linear1, linear2 } of encoder.layers) {
          for (const [tensor, deviation] of [
            [self_attn.in_proj_weight as Tensor, 0.02],
            [self_attn.out_proj.weight, 0.02 / Math.sqrt(2 * layers)],
            [linear1.weight, 0.02],
            [linear2.weight, 0.02 / Math.sqrt(2 * layers)],
          ] as const) {
            const [mean, actual, error] = moments(tensor);
            expect(Math.abs(mean)).toBeLessThan(error * deviation);
            expect(Math.abs(actual / deviation - 1)).toBeLessThan(error);
          }
        }
        encoder.dispose();
      });
    });

    it("takes other names of projections, and is seen by layers that have packed their weights", () => {
      class Plain extends Module {
        readonly c_proj = new Linear(4, 4);
        readonly table = buffer(rand([2, 2]));
      }
      withoutLeak(() => {
        const model = new Plain();
        const x = rand([1, 4], { seed: 1 });
        model.c_proj.forward(x);
        const table = bits(model.table);
        for (const projections of [/c_proj\.weight$/g, /^c_proj/]) {
          manualSeed(2);
          initializeGpt(model, { projections });
          manualSeed(2);
          // Of one projection; a pattern that means its bias too counts it once.
          const expected = randn([4, 4], { standardDeviation: 0.02 });
          expect(bits(model.c_proj.weight)).toEqual(bits(expected));
        }
        expect(bits(model.c_proj.forward(x))).toEqual(bits(linear(x, model.c_proj.weight)));
        expect(bits(model.table)).toEqual(table);
        model.dispose();
      });
    });

    it("refuses what is no module, and other options", () => {
      withoutLeak(() => {
        const layer = new Linear(2, 2);
        const refuse = (call: () => unknown, message: RegExp): unknown =>
          expectThrows(call, TypeError, "ERR_INVALID_TYPE", message);
        refuse(() => initializeGpt({} as never), /^initializeGpt: model: expected a Module/);
        refuse(() => initializeGpt(layer, { layers: 2 } as never), /^initializeGpt: options: unknown option "layers"/);
        refuse(() => initializeGpt(layer, { projections: "x" as never }), /^initializeGpt: projections: .*got "x"/);
        layer.dispose();
        expectThrows(() => initializeGpt(layer), TypeError, "ERR_DISPOSED", /the Linear has been disposed/);
      });
    });
  });
});
