/** What all simple layers have in common: from, files, scopes, proxies, dtypes, comparisons, and that they need init. */
import { describe, expect, it } from "vitest";
import {
  add,
  conv1d,
  embedding,
  init,
  layerNorm,
  Linear,
  loadSafetensors,
  manualSeed,
  memoryUsage,
  Module,
  rand,
  rmsNorm,
  saveSafetensors,
  scope,
  sinusoidalPositions,
  type StateDict,
  Tensor,
  type TensorLike,
} from "../../ts/entry/default.js";
import {
  Conv1d,
  Embedding,
  FeedForward,
  LayerNorm,
  PositionalEncoding,
  RMSNorm,
  Sequential,
  type SequentialModule,
} from "../../ts/entry/nn.js";
import "../../ts/entry/train.js";
import { forEachArithmetic } from "../support/arithmetics.js";
import { withoutLeak } from "../support/without-leak.js";

/** A layer, what it is called with, and, where it has one, its `from`, of its own state. */
interface Example {
  readonly create: () => SequentialModule;
  readonly input: () => TensorLike;
  readonly from?: (state: StateDict) => SequentialModule;
}

const floatInput =
  (...shape: number[]) =>
  (): Tensor =>
    rand(shape, { seed: 1, low: -1 });

const layers: Readonly<Record<string, Example>> = {
  LayerNorm: {
    create: () => new LayerNorm([3, 4], { eps: 0.1 }),
    input: floatInput(2, 3, 4),
    from: ({ weight, bias }) => LayerNorm.from(weight, bias, { eps: 0.1 }),
  },
  RMSNorm: {
    create: () => new RMSNorm(4, { eps: 0.1 }),
    input: floatInput(2, 4),
    from: ({ weight }) => RMSNorm.from(weight, { eps: 0.1 }),
  },
  Embedding: {
    create: () => new Embedding(6, 4, { paddingIdx: -2 }),
    input: () => Tensor.from(Int32Array.of(0, 4, 5), [3, 1]),
    from: ({ weight }) => Embedding.from(weight, { paddingIdx: -2 }),
  },
  Conv1d: {
    create: () => new Conv1d(4, 6, 3, { stride: 2, padding: 1, dilation: 2, groups: 2 }),
    input: floatInput(2, 4, 9),
    from: ({ weight, bias }) => Conv1d.from(weight, bias, { stride: 2, padding: 1, dilation: 2, groups: 2 }),
  },
  FeedForward: {
    create: () => new FeedForward(4, 7, { activation: "gelu-tanh" }),
    input: floatInput(2, 4),
    from: (state) => FeedForward.from(state, 4, 7, { activation: "gelu-tanh" }),
  },
  SwiGLU: {
    create: () => new FeedForward(4, 7, { activation: "swiglu" }),
    input: floatInput(2, 4),
    from: (state) => FeedForward.from(state, 4, 7, { activation: "swiglu" }),
  },
  "sinusoidal PositionalEncoding": {
    create: () => new PositionalEncoding(4, { maxLength: 9 }),
    input: floatInput(5, 2, 4),
  },
  "learned PositionalEncoding": {
    create: () => new PositionalEncoding(4, { type: "learned", maxLength: 9, batchFirst: true }),
    input: floatInput(2, 5, 4),
    from: ({ weight }) => PositionalEncoding.from(weight, { batchFirst: true }),
  },
  Sequential: {
    create: () => new Sequential(new Embedding(6, 4), new Sequential(new LayerNorm(4), new Linear(4, 2))),
    input: () => Tensor.from(Int32Array.of(0, 4, 5), [3, 1]),
  },
};
const examples = Object.entries(layers);
const withFrom = examples.flatMap(([name, { from, ...rest }]) =>
  from === undefined ? [] : [[name, { ...rest, from }] as const],
);

const inUse = (): number => memoryUsage().bytesInUse;

/** Copies of a state's tensors, with other elements than fresh ones. */
const stateOf = (layer: Module): StateDict =>
  Object.fromEntries(
    Object.entries(layer.stateDict()).map(([name, { shape }], index) => [name, rand(shape, { seed: 10 + index })]),
  );

forEachArithmetic(() => {
  describe.each(examples)("%s", (_, { create, input }) => {
    it("goes through a file, with all its bits", () => {
      withoutLeak(() => {
        const [one, two] = [create(), create()];
        one.loadStateDict(stateOf(one));
        const expected = one.forward(input()).toArray();
        expect(two.forward(input()).toArray()).not.toEqual(expected);
        const { tensors } = loadSafetensors(saveSafetensors(one.stateDict()));
        expect(two.loadStateDict(tensors)).toEqual({ missingKeys: [], unexpectedKeys: [] });
        expect(two.forward(input()).toArray()).toEqual(expected);
        for (const layer of [one, two]) layer.dispose();
      });
    });

    it("outlives the scope that it was made in, and leaves nothing when it is disposed", () => {
      const before = inUse();
      const layer = scope(() => ({ made: create() })).made;
      // The first call packs weights.
      scope(() => void layer.forward(input()));
      const own = inUse();
      scope(() => void layer.forward(input()));
      expect(inUse()).toBe(own);
      layer.dispose();
      layer.dispose();
      expect(layer.disposed).toBe(true);
      expect(inUse()).toBe(before);
    });

    it("leaves nothing of a step but gradients, and those go with zeroGrad", () => {
      withoutLeak(() => {
        const layer = create();
        scope(() => void layer.forward(input()));
        const own = inUse();
        scope(() => {
          const output = layer.forward(input());
          if (output.requiresGrad) output.backward(rand(output.shape, { seed: 3 }));
        });
        const parameters = layer.parameters();
        expect(parameters.every(({ grad }) => grad !== null)).toBe(true);
        layer.zeroGrad();
        expect(inUse()).toBe(own);
        layer.dispose();
      });
    });

    it("works through a proxy, and is what it is compared with by what it holds", () => {
      withoutLeak(() => {
        manualSeed(5);
        const one = create();
        manualSeed(5);
        const two = create();
        expect(one).toEqual(two);
        const expected = one.forward(input()).toArray();
        expect(new Proxy(one, {}).forward(input()).toArray()).toEqual(expected);
        two.loadStateDict(stateOf(two));
        expect(one).not.toEqual(two);
        for (const layer of [one, two]) layer.dispose();
      });
    });

    it("is named by its class in errors, in both modes the same", () => {
      withoutLeak(() => {
        const layer = create();
        expect(layer.training).toBe(true);
        const trained = layer.forward(input()).toArray();
        expect(layer.eval().forward(input()).toArray()).toEqual(trained);
        layer.dispose();
        const name = layer[Symbol.toStringTag];
        expect(() => layer.forward(input())).toThrow(`${name}.forward: this: the ${name} has been disposed`);
        expect(() => layer.stateDict()).toThrow(`${name}.stateDict: this: the ${name} has been disposed`);
      });
    });
  });

  describe.each(withFrom)("%s.from", (_, { create, input, from }) => {
    it("takes float32 tensors over, and draws nothing", () => {
      withoutLeak(() => {
        const plain = create();
        const state = stateOf(plain);
        plain.loadStateDict(state);
        manualSeed(3);
        const next = rand([2]).toArray();
        manualSeed(3);
        const before = inUse();
        const layer = scope(() => from(state));
        expect(inUse()).toBe(before);
        expect(rand([2]).toArray()).toEqual(next);
        expect(Object.values(layer.stateDict())).toEqual(Object.values(state));
        for (const [name, tensor] of Object.entries(layer.stateDict())) expect(tensor).toBe(state[name]);
        expect(layer.parameters().every(({ requiresGrad }) => requiresGrad)).toBe(true);
        expect(layer.forward(input()).toArray()).toEqual(plain.forward(input()).toArray());
        expect(layer).toEqual(plain);
        layer.dispose();
        expect(Object.values(state).every(({ disposed }) => disposed)).toBe(true);
        plain.dispose();
      });
    });

    it("widens 16-bit tensors, and leaves them to the caller", () => {
      withoutLeak(() => {
        const plain = create();
        const state = Object.fromEntries(
          Object.entries(stateOf(plain)).map(([name, tensor]) => [name, tensor.to("bfloat16")]),
        );
        plain.loadStateDict(state);
        const layer = from(state);
        expect(layer).toEqual(plain);
        layer.dispose();
        expect(Object.values(state).some(({ disposed }) => disposed)).toBe(false);
        plain.dispose();
      });
    });
  });

  it("gives the bits of the functions, in the input's dtype", () => {
    withoutLeak(() => {
      for (const dtype of ["float32", "float16", "bfloat16"] as const) {
        const x = rand([2, 4, 6], { seed: 1, dtype });
        const norm = new LayerNorm(6, { eps: 0.01 });
        const root = new RMSNorm([4, 6], { eps: 0.01 });
        const convolution = new Conv1d(4, 2, 3, { stride: 2, padding: 2, dilation: 2 });
        const positions = new PositionalEncoding(6, { maxLength: 9, batchFirst: true });
        for (const layer of [norm, root]) layer.loadStateDict(stateOf(layer));
        const { weight, bias } = convolution;
        const options = { stride: 2, padding: 2, dilation: 2 };
        for (const [ours, theirs] of [
          [norm.forward(x), layerNorm(x, 6, norm.weight, norm.bias, 0.01)],
          [root.forward(x), rmsNorm(x, [4, 6], root.weight, 0.01)],
          [convolution.forward(x), conv1d(x, weight, bias, options)],
          [positions.forward(x), add(x, sinusoidalPositions(4, 6))],
        ]) {
          expect(ours.dtype).toBe(dtype);
          expect(ours.toArray()).toEqual(theirs.toArray());
        }
        for (const layer of [norm, root, convolution, positions]) layer.dispose();
      }
      const layer = new Embedding(5, 3);
      const indices = [[1n, 4n]];
      expect(layer.forward(indices).toArray()).toEqual(embedding(indices, layer.weight).toArray());
      layer.dispose();
    });
  });

  describe("PositionalEncoding", () => {
    it("goes on where a cache ends: each token alone has the bits of all at once", () => {
      withoutLeak(() => {
        for (const type of ["sinusoidal", "learned"] as const) {
          const layer = new PositionalEncoding(4, { type, maxLength: 9, batchFirst: true });
          const x = rand([2, 5, 4], { seed: 1 });
          const all = layer.forward(x).toNested() as number[][][];
          for (let position = 0; position < 5; position++) {
            const tokens = (x.toNested() as number[][][]).map((rows) => [rows[position]]);
            const one = layer.forward({ data: tokens.flat(2), shape: [2, 1, 4] }, { positionIds: position });
            expect(one.toNested()).toEqual(all.map((rows) => [rows[position]]));
          }
          layer.dispose();
        }
      });
    });

    it("takes positions of its own for each sequence, as where batches are padded on the left", () => {
      withoutLeak(() => {
        const zeros = { data: new Float32Array(24), shape: [3, 2, 4] };
        const table = sinusoidalPositions(9, 4).toNested() as number[][];
        const positionIds = [
          [0, 0, 1],
          [6, 7, 8],
        ];
        // [L, B, E], with the positions [B, L] all the same.
        const layer = new PositionalEncoding(4, { maxLength: 9 });
        expect(layer.forward(zeros, { positionIds }).toNested()).toEqual(
          [0, 1, 2].map((row) => [0, 1].map((batch) => table[positionIds[batch][row]])),
        );
        expect(layer.forward(zeros, { positionIds: [positionIds[1]] }).toNested()).toEqual(
          [6, 7, 8].map((position) => [table[position], table[position]]),
        );
        layer.dispose();
      });
    });

    it("has nothing to be learned when it is sinusoidal", () => {
      withoutLeak(() => {
        const layer = new PositionalEncoding(4);
        expect([layer.parameters(), layer.pe?.shape, layer.pe?.requiresGrad]).toEqual([[], [5000, 1, 4], false]);
        layer.dispose();
      });
    });
  });

  describe("Sequential", () => {
    class Sum extends Module {
      forward(x: TensorLike): Tensor {
        return add(x, x);
      }
    }

    it("gives its modules by their places", () => {
      withoutLeak(() => {
        const parts = [new LayerNorm(4), new Sum(), new Linear(4, 2)] as const;
        const model = new Sequential(...parts);
        for (const [index, part] of parts.entries()) expect(model[index]).toBe(part);
        expect(model[3]).toBeUndefined();
        expect([...model.namedModules().keys()]).toEqual(["", "0", "1", "2"]);
        model.dispose();
        expect(parts.every(({ disposed }) => disposed)).toBe(true);
      });
    });

    it("keeps the order of more than ten modules", () => {
      withoutLeak(() => {
        const model = new Sequential(...Array.from({ length: 12 }, () => new RMSNorm(2)));
        expect(Object.keys(model.stateDict())).toEqual(Array.from({ length: 12 }, (_, index) => `${index}.weight`));
        model.dispose();
      });
    });

    it("holds a module in two places as one", () => {
      withoutLeak(() => {
        const shared = new Sum();
        const model = new Sequential(shared, shared);
        expect(model.forward({ data: [1], shape: [1] }).item()).toBe(4);
        model.dispose();
      });
    });

    it("calls the forward of a module as it is, an overridden one too", () => {
      withoutLeak(() => {
        class Doubled extends Linear {
          override forward(input: TensorLike) {
            return add(super.forward(input), super.forward(input));
          }
        }
        const model = new Sequential(new Doubled(1, 1, { bias: false }));
        model.loadStateDict({ "0.weight": { data: [3], shape: [1, 1] } });
        expect(model.forward({ data: [5], shape: [1] }).item()).toBe(30);
        model.dispose();
      });
    });

    it("leaves nothing behind when a module in it throws", () => {
      withoutLeak(() => {
        const model = new Sequential(new Linear(4, 3), new Linear(4, 3));
        const input = rand([2, 4], { seed: 1 });
        expect(() => model.forward(input)).toThrow(RangeError);
        const before = inUse();
        expect(() => model.forward(input)).toThrow(RangeError);
        expect(inUse()).toBe(before);
        model.dispose();
      });
    });
  });
});

describe("without a runtime", () => {
  it.each(examples.filter(([name]) => name !== "Sequential"))("%s needs init", async (_, { create }) => {
    (await init()).dispose();
    expect(create).toThrow(expect.objectContaining({ code: "ERR_NOT_INITIALIZED" }));
  });
});
