/** What fresh layers start with: PyTorch's distributions, drawn in the order of the state dict, the same bits for a seed. */
import { expect, it } from "vitest";
import { Linear, manualSeed, type Module, rand, randn, Tensor } from "../../ts/entry/default.js";
import {
  Conv1d,
  Embedding,
  FeedForward,
  LayerNorm,
  PositionalEncoding,
  RMSNorm,
  Sequential,
} from "../../ts/entry/nn.js";
import "../../ts/entry/train.js";
import { forEachArithmetic } from "../support/arithmetics.js";
import { withoutLeak } from "../support/without-leak.js";

/** How the elements of a parameter are distributed: uniform within ± the number, normal with that deviation, or all equal. */
type Distribution = readonly ["uniform" | "normal" | "constant", number];

interface Fresh {
  readonly create: () => Module;
  readonly expected: Readonly<Record<string, Distribution>>;
}

const layers: Readonly<Record<string, Fresh>> = {
  LayerNorm: {
    create: () => new LayerNorm([40, 50]),
    expected: { weight: ["constant", 1], bias: ["constant", 0] },
  },
  RMSNorm: { create: () => new RMSNorm(2000), expected: { weight: ["constant", 1] } },
  Embedding: { create: () => new Embedding(100, 50), expected: { weight: ["normal", 1] } },
  Conv1d: {
    create: () => new Conv1d(20, 400, 5, { groups: 4 }),
    // Of a group's inputs alone: 20 / 4 · 5.
    expected: { weight: ["uniform", 1 / 5], bias: ["uniform", 1 / 5] },
  },
  "Conv1d without bias": {
    create: () => new Conv1d(9, 300, 4, { bias: false }),
    expected: { weight: ["uniform", 1 / 6] },
  },
  FeedForward: {
    create: () => new FeedForward(100, 64),
    expected: {
      "linear1.weight": ["uniform", 1 / 10],
      "linear1.bias": ["uniform", 1 / 10],
      "linear2.weight": ["uniform", 1 / 8],
      "linear2.bias": ["uniform", 1 / 8],
    },
  },
  SwiGLU: {
    create: () => new FeedForward(64, 100, { activation: "swiglu" }),
    expected: {
      "gate_proj.weight": ["uniform", 1 / 8],
      "up_proj.weight": ["uniform", 1 / 8],
      "down_proj.weight": ["uniform", 1 / 10],
    },
  },
  "SwiGLU with biases": {
    create: () => new FeedForward(64, 100, { activation: "swiglu", bias: true }),
    expected: {
      "gate_proj.weight": ["uniform", 1 / 8],
      "gate_proj.bias": ["uniform", 1 / 8],
      "up_proj.weight": ["uniform", 1 / 8],
      "up_proj.bias": ["uniform", 1 / 8],
      "down_proj.weight": ["uniform", 1 / 10],
      "down_proj.bias": ["uniform", 1 / 10],
    },
  },
  PositionalEncoding: {
    create: () => new PositionalEncoding(50, { type: "learned", maxLength: 100 }),
    expected: { weight: ["normal", 0.02] },
  },
  Sequential: {
    create: () => new Sequential(new Embedding(80, 64), new LayerNorm(64), new Linear(64, 100)),
    expected: {
      "0.weight": ["normal", 1],
      "1.weight": ["constant", 1],
      "1.bias": ["constant", 0],
      "2.weight": ["uniform", 1 / 8],
      "2.bias": ["uniform", 1 / 8],
    },
  },
};

/** Fails unless the first four moments and the range are the distribution's, within five standard errors. */
function expectDistributed(values: Float32Array, [kind, size]: Distribution): void {
  if (kind === "constant") {
    expect(new Set(values)).toEqual(new Set([size]));
    return;
  }
  const moment = (power: number): number => values.reduce((sum, x) => sum + (x / size) ** power, 0) / values.length;
  // E[x^k]: of a uniform number within ±1, of a normal one.
  const exact = { uniform: [0, 1 / 3, 0, 1 / 5, 0, 1 / 7, 0, 1 / 9], normal: [0, 1, 0, 3, 0, 15, 0, 105] }[kind];
  for (const power of [1, 2, 3, 4]) {
    const variance = exact[2 * power - 1] - exact[power - 1] ** 2;
    const difference = Math.abs(moment(power) - exact[power - 1]);
    expect(difference, `moment ${power}`).toBeLessThan(5 * Math.sqrt(variance / values.length));
  }
  const largest = values.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
  if (kind === "uniform") expect(largest).toBeLessThanOrEqual(Math.fround(size));
  // Of so many one is surely near to the end.
  if (values.length > 1000) expect(largest / size).toBeGreaterThan(kind === "uniform" ? 0.97 : 2.5);
}

/** The bits of a layer's parameters. */
const bitsOf = (module: Module): unknown =>
  Object.entries(module.stateDict()).map(([name, tensor]) => [name, tensor.toArray()]);

forEachArithmetic(() => {
  it.each(Object.entries(layers))("%s: names and distributions", (_, { create, expected }) => {
    withoutLeak(() => {
      manualSeed(12);
      const layer = create();
      const state = layer.stateDict();
      expect(Object.keys(state)).toEqual(Object.keys(expected));
      for (const [name, tensor] of Object.entries(state)) {
        expectDistributed(tensor.toArray() as Float32Array, expected[name]);
      }
      expect(layer.parameters().every(({ requiresGrad, dtype }) => requiresGrad && dtype === "float32")).toBe(true);
      layer.dispose();
    });
  });

  it.each(Object.entries(layers))("%s: draws in the order of the state dict, the same for a seed", (_, fresh) => {
    withoutLeak(() => {
      manualSeed(13);
      const layer = fresh.create();
      const after = rand([1]).item();
      // The same draws by hand, one parameter after the other.
      manualSeed(13);
      for (const [name, tensor] of Object.entries(layer.stateDict())) {
        const [kind, size] = fresh.expected[name];
        if (kind === "constant") continue;
        const draw = (): Tensor =>
          kind === "normal"
            ? randn(tensor.shape, { standardDeviation: size })
            : rand(tensor.shape, { low: -size, high: size });
        expect(tensor.toArray(), name).toEqual(draw().toArray());
      }
      expect(rand([1]).item()).toBe(after);

      manualSeed(13);
      const again = fresh.create();
      expect(bitsOf(again)).toEqual(bitsOf(layer));
      const other = fresh.create();
      const hasDrawn = Object.values(fresh.expected).some(([kind]) => kind !== "constant");
      if (hasDrawn) expect(bitsOf(other)).not.toEqual(bitsOf(layer));
      for (const each of [layer, again, other]) each.dispose();
    });
  });

  it.each([
    [0, 0],
    [3, 3],
    [-1, 9],
    [-10, 0],
  ])("an Embedding starts as without a padding row, but for zeros in it: %i", (paddingIdx, row) => {
    withoutLeak(() => {
      manualSeed(14);
      const plain = new Embedding(10, 4);
      manualSeed(14);
      const padded = new Embedding(10, 4, { paddingIdx });
      const expected = plain.weight.toNested() as number[][];
      expected[row] = [0, 0, 0, 0];
      expect(padded.weight.toNested()).toEqual(expected);
      expect(padded.paddingIdx).toBe(row);
      // Looked up like any other, and never learned.
      padded.weight.view().fill(5);
      const output = padded.forward([row, (row + 1) % 10]);
      expect(output.toArray()).toEqual(new Float32Array(8).fill(5));
      output.backward(Tensor.from(new Float32Array(8).fill(1), [2, 4]));
      const gradient = padded.weight.grad?.toNested() as number[][];
      expect(gradient[row]).toEqual([0, 0, 0, 0]);
      expect(gradient[(row + 1) % 10]).toEqual([1, 1, 1, 1]);
      for (const each of [plain, padded]) each.dispose();
    });
  });
});
