/** attentionWeights: the weights of a whole model's attention layers, with the bits that each layer gives by itself. */
import { describe, expect, it } from "vitest";
import {
  attentionWeights,
  type AttentionWeightsOptions,
  type ErrorCode,
  type FloatDType,
  type LayerAttentionWeights,
  Linear,
  manualSeed,
  memoryUsage,
  Module,
  MultiheadAttention,
  rand,
  scope,
  SelfAttention,
  Tensor,
  type TensorData,
} from "../../ts/entry/default.js";
import { randomOperand } from "../cases/layer-operands.js";
import { forEachArithmetic } from "../support/arithmetics.js";
import { expectThrowsWithoutLeak, withoutLeak } from "../support/without-leak.js";

type Weights = Tensor<FloatDType>;

/** What a model gives when its own code asks every layer for its weights. */
interface Shown {
  readonly output: Tensor;
  readonly weights: Weights[];
}

/** Both kinds of attention, in scopes of their own. */
class Block extends Module {
  self_attn = new SelfAttention(8, 4, { dropout: 0.25, numKvHeads: 2 });
  cross_attn = new MultiheadAttention(8, 4, { kdim: 6, vdim: 6, batchFirst: true, addBiasKv: true });
  linear = new Linear(8, 8, { activation: "gelu" });

  forward(x: Tensor, memory: Tensor): Tensor {
    return scope(() => {
      const { output } = this.self_attn.forward(x, { isCausal: true });
      return scope(() => this.linear.forward(this.cross_attn.forward(output, memory, memory).output));
    });
  }

  show(x: Tensor, memory: Tensor): Shown {
    const all = { needWeights: true, averageAttnWeights: false } as const;
    const first = this.self_attn.forward(x, { ...all, isCausal: true });
    const second = this.cross_attn.forward(first.output, memory, memory, all);
    return { output: this.linear.forward(second.output), weights: [first.weights, second.weights] };
  }
}

class Model extends Module {
  blocks = [new Block(), new Block()];

  forward(x: Tensor, memory: Tensor): Tensor {
    return scope(() => this.blocks.reduce((y, block) => block.forward(y, memory), x));
  }

  show(x: Tensor, memory: Tensor): Shown {
    const first = this.blocks[0].show(x, memory);
    const second = this.blocks[1].show(first.output, memory);
    return { output: second.output, weights: [...first.weights, ...second.weights] };
  }
}

const NAMES = [0, 1].flatMap((n) => [`blocks.${n}.self_attn`, `blocks.${n}.cross_attn`]);

/** Runs it with a model, an input `[2, 5, 8]` and a memory `[2, 3, 6]`; all memory must be given back. */
function withModel(test: (model: Model, x: Tensor, memory: Tensor) => void): void {
  withoutLeak(() => {
    manualSeed(5);
    const model = new Model();
    try {
      test(model, rand([2, 5, 8], { seed: 1, low: -1 }), rand([2, 3, 6], { seed: 2, low: -1 }));
    } finally {
      model.dispose();
    }
  });
}

const bitsOf = (tensors: readonly Tensor[]): unknown[] => tensors.map(({ shape, dtype, data }) => [shape, dtype, data]);
const tensorsOf = (weights: readonly LayerAttentionWeights[]): Weights[] => weights.map(({ weights }) => weights);
const namesOf = (weights: readonly LayerAttentionWeights[]): string[] => weights.map(({ name }) => name);

/** Heads and rows of `[B, H, L, T]`. */
function chosen({ data, shape }: Tensor, heads: readonly number[], rows: readonly number[]): number[] {
  const [batch, headCount, rowCount, keys] = shape;
  return Array.from({ length: batch }, (_, b) =>
    heads.map((h) =>
      rows.map((row) => {
        const start = ((b * headCount + h) * rowCount + row) * keys;
        return Array.from((data as Float32Array).slice(start, start + keys));
      }),
    ),
  ).flat(3);
}

describe("attentionWeights", () => {
  forEachArithmetic(() => {
    it.each([
      ["in training, after dropout", true],
      ["in evaluation", false],
    ])("gives the bits that each layer gives when it is asked, %s", (_, isTraining) => {
      withModel((model, x, memory) => {
        model.train(isTraining);
        manualSeed(9);
        const expected = model.show(x, memory);
        manualSeed(9);
        const { result, weights } = attentionWeights(model, () => model.forward(x, memory));
        expect(namesOf(weights)).toEqual(NAMES);
        expect(bitsOf(tensorsOf(weights))).toEqual(bitsOf(expected.weights));
        expect(weights[0].weights.shape).toEqual([2, 4, 5, 5]);
        expect(weights[1].weights.shape).toEqual([2, 4, 5, 4]);
        manualSeed(9);
        expect(bitsOf([result])).toEqual(bitsOf([model.forward(x, memory)]));
        // With dropout rows don't sum to 1.
        const [first] = weights[0].weights.toNested() as number[][][][];
        expect(first.flat().every((row) => Math.abs(row.reduce((sum, w) => sum + w) - 1) < 1e-5)).toBe(!isTraining);
      });
    });

    it.each<[string, AttentionWeightsOptions["layers"], string[]]>([
      ["a regular expression", /cross/, [NAMES[1], NAMES[3]]],
      ["one that remembers", /attn/g, NAMES],
      ["names, whatever their order", [NAMES[3], NAMES[0]], [NAMES[0], NAMES[3]]],
      ["no names", [], []],
    ])("takes the layers of %s", (_, layers, names) => {
      withModel((model, x, memory) => {
        model.eval();
        const all = model.show(x, memory).weights;
        for (let call = 0; call < 2; call++) {
          const { weights } = attentionWeights(model, () => model.forward(x, memory), { layers });
          expect(namesOf(weights)).toEqual(names);
          expect(bitsOf(tensorsOf(weights))).toEqual(bitsOf(names.map((name) => all[NAMES.indexOf(name)])));
        }
      });
    });

    it("takes heads and rows, in the order asked, and their mean", () => {
      withModel((model, x, memory) => {
        model.eval();
        const all = model.show(x, memory).weights;
        const run = (options: AttentionWeightsOptions): Weights[] =>
          tensorsOf(attentionWeights(model, () => model.forward(x, memory), options).weights);
        run({ heads: [3, 1], rows: Int32Array.of(4, 0, 2) }).forEach((weights, n) => {
          expect(weights.shape).toEqual([2, 2, 3, all[n].shape[3]]);
          expect([...weights.toArray()]).toEqual(chosen(all[n], [3, 1], [4, 0, 2]));
        });
        run({ heads: [2] }).forEach((weights, n) => {
          expect([...weights.toArray()]).toEqual(chosen(all[n], [2], [0, 1, 2, 3, 4]));
        });
        run({ rows: Tensor.from([1], [1], "int32"), heads: [0, 3], averageHeads: true }).forEach((weights, n) => {
          expect(weights.shape).toEqual([2, 1, all[n].shape[3]]);
          const keys = all[n].shape[3];
          const heads = chosen(all[n], [0, 3], [1]);
          const mean = (index: number): number => {
            const at = Math.floor(index / keys) * 2 * keys + (index % keys);
            return Math.fround(heads[at] + heads[at + keys]) / 2;
          };
          expect([...weights.toArray()]).toEqual(Array.from({ length: 2 * keys }, (_, index) => mean(index)));
        });
        const averaged = model.blocks[0].self_attn.forward(x, { isCausal: true, needWeights: true }).weights;
        expect(bitsOf(run({ averageHeads: true }).slice(0, 1))).toEqual(bitsOf([averaged]));
      });
    });

    it.each<[string, TensorData, number[]]>([
      ["a batch that comes second", randomOperand(3, "float32", [5, 2, 8]), [2, 2, 5, 5]],
      ["unbatched inputs", randomOperand(4, "float32", [5, 8]), [2, 5, 5]],
      ["float16", randomOperand(5, "float16", [5, 2, 8]), [2, 2, 5, 5]],
      ["unbatched bfloat16", randomOperand(6, "bfloat16", [5, 8]), [2, 5, 5]],
      ["no rows", randomOperand(7, "float32", [0, 2, 8]), [2, 2, 0, 0]],
    ])("gives the layer's shape and dtype of %s", (_, x, shape) => {
      withoutLeak(() => {
        const layer = new MultiheadAttention(8, 2);
        const expected = layer.forward(x, x, x, { needWeights: true, averageAttnWeights: false }).weights;
        const { result, weights } = attentionWeights(layer, () => layer.forward(x, x, x));
        expect(Object.keys(result)).toEqual(["output"]);
        expect(namesOf(weights)).toEqual([""]);
        expect(weights[0].weights.shape).toEqual(shape);
        expect(bitsOf(tensorsOf(weights))).toEqual(bitsOf([expected]));
        layer.dispose();
      });
    });

    it("leaves needWeights to whoever calls the layer", () => {
      withModel((model, x) => {
        const { self_attn } = model.blocks[0];
        const options = { needWeights: true, seed: 7 } as const;
        const alone = self_attn.forward(x, options);
        const whole = self_attn.forward(x, { ...options, averageAttnWeights: false });
        const { result, weights } = attentionWeights(model, () => self_attn.forward(x, options), { heads: [1] });
        expect(bitsOf([result.output, result.weights])).toEqual(bitsOf([alone.output, alone.weights]));
        expect([...weights[0].weights.toArray()]).toEqual(chosen(whole.weights, [1], [0, 1, 2, 3, 4]));
      });
    });

    it("gives calls in calls what each asks for", () => {
      withModel((model, x, memory) => {
        model.eval();
        const all = model.show(x, memory).weights;
        const [first, second] = model.blocks;
        const outer = attentionWeights(
          model,
          () => {
            const y = first.forward(x, memory);
            return attentionWeights(second, () => second.forward(y, memory), { layers: ["self_attn"], rows: [0] });
          },
          { heads: [0] },
        );
        expect(namesOf(outer.weights)).toEqual(NAMES);
        outer.weights.forEach(({ weights }, n) => {
          expect([...weights.toArray()]).toEqual(chosen(all[n], [0], [0, 1, 2, 3, 4]));
        });
        const inner = outer.result.weights;
        expect(namesOf(inner)).toEqual(["self_attn"]);
        expect([...inner[0].weights.toArray()]).toEqual(chosen(all[2], [0, 1, 2, 3], [0]));
      });
    });

    it("has a layer as often as it is called, and none that stands elsewhere", () => {
      withModel((model, x) => {
        const other = new SelfAttention(8, 1);
        const layer = model.blocks[1].self_attn;
        const { weights } = attentionWeights(model, () => {
          const twice = [layer.forward(x, { seed: 1 }), layer.forward(x, { seed: 2 })];
          return [...twice, other.forward(x)];
        });
        expect(namesOf(weights)).toEqual([NAMES[2], NAMES[2]]);
        expect(weights[0].weights.data).not.toEqual(weights[1].weights.data);
        other.dispose();
      });
    });

    it("works through proxies", () => {
      withModel((model, x, memory) => {
        model.eval();
        const wrapped = new Proxy(model, {
          get: (target, name, receiver) => {
            const value: unknown = Reflect.get(target, name, receiver);
            return name === "blocks" ? (value as Block[]).map((block) => new Proxy(block, {})) : value;
          },
        });
        const { weights } = attentionWeights(wrapped, () => wrapped.forward(x, memory));
        expect(namesOf(weights)).toEqual(NAMES);
      });
    });

    it("gives the weights to the caller's scope, or to the caller", () => {
      withModel((model, x, memory) => {
        const { bytesInUse } = memoryUsage();
        const inScope = scope(() => {
          const { weights } = attentionWeights(model, () => scope(() => void model.forward(x, memory)));
          expect(tensorsOf(weights).map(({ disposed }) => disposed)).toEqual([false, false, false, false]);
          return tensorsOf(weights);
        });
        // They were in the result.
        expect(inScope.map(({ disposed }) => disposed)).toEqual([false, false, false, false]);
        for (const weights of inScope) weights.dispose();
        const freed: Weights[] = [];
        scope(() => {
          freed.push(...tensorsOf(attentionWeights(model, () => void model.forward(x, memory).dispose()).weights));
        });
        expect(freed.map(({ disposed }) => disposed)).toEqual([true, true, true, true]);
        // The packed weights were made.
        model.dropPackedWeights();
        expect(memoryUsage().bytesInUse).toBe(bytesInUse);
      });
    });

    it("takes no memory for what isn't chosen, and nothing when it isn't used", () => {
      withoutLeak(() => {
        const length = 600;
        const layer = new SelfAttention(8, 4).eval();
        const x = rand([1, length, 8], { seed: 3 });
        const run = (): Tensor => layer.forward(x).output;
        /** Of all calls so far. */
        const peakAfter = (call: () => unknown): number => {
          const { bytesInUse } = memoryUsage();
          scope(() => void call());
          expect(memoryUsage().bytesInUse).toBe(bytesInUse);
          return memoryUsage().bytesPeak;
        };
        const expected = bitsOf([run()]);
        const without = peakAfter(run);
        expect(peakAfter(() => attentionWeights(layer, run, { layers: [] }))).toBe(without);
        const all = 4 * length * length * 4;
        expect(peakAfter(() => attentionWeights(layer, run, { rows: [length - 1] })) - without).toBeLessThan(all / 16);
        expect(peakAfter(() => attentionWeights(layer, run)) - without).toBeGreaterThanOrEqual(all);
        expect(bitsOf([run()])).toEqual(expected);
        layer.dispose();
      });
    });

    it("gives back everything when fn throws, and collects no longer", () => {
      withModel((model, x, memory) => {
        void model.forward(x, memory).dispose();
        const { bytesInUse } = memoryUsage();
        const failure = new Error("mine");
        const fails = (): never => {
          model.forward(x, memory).dispose();
          throw failure;
        };
        expect(() => attentionWeights(model, fails)).toThrow(failure);
        expect(memoryUsage().bytesInUse).toBe(bytesInUse);
        // In a call of an outer one, which goes on.
        const { weights } = attentionWeights(
          model,
          () => {
            expect(() => attentionWeights(model, fails)).toThrow(failure);
            model.blocks[0].self_attn.forward(x).output.dispose();
          },
          { rows: [0] },
        );
        expect(namesOf(weights)).toEqual([...NAMES, NAMES[0]]);
        for (const tensor of tensorsOf(weights)) tensor.dispose();
        model.forward(x, memory).dispose();
        expect(memoryUsage().bytesInUse).toBe(bytesInUse);
      });
    });

    it("has no weights of calls that failed", () => {
      withModel((model, x, memory) => {
        const { weights } = attentionWeights(model, () => {
          expect(() => model.forward(memory, x)).toThrow(RangeError);
          return model.forward(x, memory);
        });
        expect(namesOf(weights)).toEqual(NAMES);
      });
    });

    it.each<[string, unknown[], typeof TypeError | typeof RangeError, ErrorCode, RegExp]>([
      ["no model", [{}], TypeError, "ERR_INVALID_TYPE", /^attentionWeights: model: expected a Module, got \{\}/],
      [
        "no function",
        [undefined, 3],
        TypeError,
        "ERR_INVALID_TYPE",
        /^attentionWeights: fn: expected a function, got 3/,
      ],
      [
        "an unknown option",
        [undefined, undefined, { layer: /a/ }],
        TypeError,
        "ERR_INVALID_TYPE",
        /^attentionWeights: options: unknown option "layer"; did you mean layers\?/,
      ],
      [
        "layers of another kind",
        [undefined, undefined, { layers: "blocks" }],
        TypeError,
        "ERR_INVALID_TYPE",
        /layers: expected a regular expression or an array of names, got "blocks"/,
      ],
      [
        "a name of another module",
        [undefined, undefined, { layers: ["blocks.0"] }],
        RangeError,
        "ERR_INVALID_VALUE",
        /layers: expected names of attention layers, which are "blocks\.0\.self_attn", "blocks.*, got "blocks\.0"/,
      ],
      [
        "an expression that finds nothing",
        [undefined, undefined, { layers: /encoder/ }],
        RangeError,
        "ERR_INVALID_VALUE",
        /layers: expected names.*, got "\/encoder\/"/,
      ],
      [
        "no head",
        [undefined, undefined, { heads: [4] }],
        RangeError,
        "ERR_INVALID_VALUE",
        /heads, element 0: .* 0 to 3, got 4/,
      ],
      [
        "a head alone",
        [undefined, undefined, { heads: 1 }],
        TypeError,
        "ERR_INVALID_TYPE",
        /heads: expected an array of integers/,
      ],
      [
        "nested heads",
        [undefined, undefined, { heads: [[1]] }],
        RangeError,
        "ERR_SHAPE",
        /heads: expected shape \[1\], got \[1, 1\]/,
      ],
      [
        "the last row",
        [undefined, undefined, { rows: [0, -1] }],
        RangeError,
        "ERR_INVALID_VALUE",
        /rows, element 1: .*, got -1/,
      ],
      [
        "no row",
        [undefined, undefined, { rows: [1, 5] }],
        RangeError,
        "ERR_INVALID_VALUE",
        /^attentionWeights: rows of "blocks\.0\.self_attn", element 1: expected an integer from 0 to 4, got 5/,
      ],
      [
        "no boolean",
        [undefined, undefined, { averageHeads: 1 }],
        TypeError,
        "ERR_INVALID_TYPE",
        /averageHeads: expected a boolean/,
      ],
      [
        "the mean of no heads",
        [undefined, undefined, { averageHeads: true, heads: [] }],
        TypeError,
        "ERR_INVALID_TYPE",
        /heads: expected at least one head to average/,
      ],
    ])("refuses %s", (_, [model, fn, options], kind, code, message) => {
      withModel((own, x, memory) => {
        own.forward(x, memory).dispose();
        const call = attentionWeights as (...given: unknown[]) => unknown;
        const run = (): void => own.forward(x, memory).dispose();
        expectThrowsWithoutLeak(() => call(model ?? own, fn ?? run, options), kind, code, message);
        expect(namesOf(attentionWeights(own, run).weights)).toEqual(NAMES);
      });
    });

    it("refuses a promise, and a model that has been disposed", async () => {
      const pending: Promise<unknown>[] = [];
      withModel((model, x, memory) => {
        model.forward(x, memory).dispose();
        const later = (): Promise<never> => {
          model.forward(x, memory).dispose();
          // Fails unheard but for this function.
          const promise = Promise.reject<never>(new Error("later"));
          pending.push(promise);
          return promise;
        };
        const message =
          /^attentionWeights: fn: expected a function that is done when it returns, got one that returns a/;
        expectThrowsWithoutLeak(() => attentionWeights(model, later), TypeError, "ERR_INVALID_TYPE", message);
        model.dispose();
        expectThrowsWithoutLeak(() => attentionWeights(model, () => 1), TypeError, "ERR_DISPOSED", /has been disposed/);
      });
      expect(await Promise.allSettled(pending)).toMatchObject([{ status: "rejected" }]);
    });
  });
});
