/** LoRA: what layers with an adapter compute and learn, merging and its bits, what it refuses, its memory. */
import { describe, expect, it } from "vitest";
import {
  type Activation,
  dropout,
  init,
  Linear,
  manualSeed,
  memoryUsage,
  Module,
  MultiheadAttention,
  parameter,
  rand,
  scope,
  SelfAttention,
  Tensor,
} from "../../ts/entry/default.js";
import {
  addLora,
  Embedding,
  LayerNorm,
  loraFiles,
  loadLora,
  type LoraOptions,
  mergeLora,
  removeLora,
  unmergeLora,
} from "../../ts/entry/nn.js";
import "../../ts/entry/train.js";
import { count, given, randomOperand } from "../cases/layer-operands.js";
import * as activationOracle from "../oracle/activation.js";
import { type FloatType, widen } from "../oracle/half.js";
import { lora, loraGradients, type LoraOperands, type LoraSizes, magnitudesOf, mergedWeight } from "../oracle/lora.js";
import { forEachArithmetic } from "../support/arithmetics.js";
import { expectError, expectThrows } from "../support/expect-error.js";
import { expectWithin } from "../support/expect-within.js";
import { withModule } from "../support/with-module.js";
import { expectThrowsWithoutLeak } from "../support/without-leak.js";

const dtypes: readonly FloatType[] = ["float32", "float16", "bfloat16"];

class Single extends Module {
  layer: Linear;

  constructor(inFeatures: number, outFeatures: number, bias: boolean, activation?: Activation) {
    super();
    this.layer = new Linear(inFeatures, outFeatures, { bias, activation });
  }
}

/** One of each that takes an adapter, and one that doesn't. */
class Model extends Module {
  embedding = new Embedding(6, 8, { paddingIdx: 1 });
  blocks = [new SelfAttention(8, 2), new MultiheadAttention(8, 4, { numKvHeads: 2, batchFirst: true })];
  hidden = new Linear(8, 12, { activation: "gelu" });
  norm = new LayerNorm(12);
  head = new Linear(12, 3);

  forward(tokens: number[][]): Tensor {
    return scope(() => {
      const x = this.embedding.forward(tokens);
      const y = (this.blocks[0] as SelfAttention).forward(x).output;
      const z = (this.blocks[1] as MultiheadAttention).forward(y, x, y).output;
      return this.head.forward(this.norm.forward(this.hidden.forward(z)));
    });
  }
}

const everything: LoraOptions = { targetModules: ["embedding", "blocks.0", "1", "hidden", "head"], r: 2, loraAlpha: 3 };
const tokens = [
  [0, 5, 1],
  [2, 2, 4],
];

/** A, B and so on from random numbers, so that the adapter counts. */
function fill(model: Module, amplitude = 0.5): void {
  const named = Object.entries(model.stateDict()).filter(([name]) => name.includes("lora_"));
  const dict = named.map(([name, { shape }], index) => [name, randomOperand(index, "float32", shape, amplitude)]);
  model.loadStateDict(Object.fromEntries(dict) as Record<string, Tensor>, { strict: false });
}

/** All elements of a model, by name. */
const contentOf = (model: Module): Record<string, unknown> =>
  Object.fromEntries(Object.entries(model.stateDict()).map(([name, tensor]) => [name, tensor.toArray()]));

const learnedIn = (model: Module): string[] =>
  [...model.namedParameters()].filter(([, { requiresGrad }]) => requiresGrad).map(([name]) => name);

/** A layer with an adapter, its operands in float64, and inputs. */
function caseOf(
  model: Single,
  dtype: FloatType,
  { rows, inFeatures, outFeatures, r }: LoraSizes,
  loraAlpha: number,
): { input: ReturnType<typeof randomOperand>; operands: LoraOperands } {
  addLora(model, { targetModules: ["layer"], r, loraAlpha });
  const input = randomOperand(1, dtype, [rows, inFeatures]);
  const of = (seed: number, shape: number[], amplitude = 1): ReturnType<typeof randomOperand> =>
    randomOperand(seed, "float32", shape, amplitude);
  const dict = {
    weight: of(2, [outFeatures, inFeatures], inFeatures ** -0.5),
    "lora_A.weight": of(3, [r, inFeatures], inFeatures ** -0.5),
    "lora_B.weight": of(4, [outFeatures, r]),
    ...(model.layer.bias && { bias: of(5, [outFeatures]) }),
  };
  model.layer.loadStateDict(dict);
  const operands = {
    ...{ x: input.values, dropped: input.values, w: dict.weight.values, bias: dict.bias?.values },
    ...{ a: dict["lora_A.weight"].values, b: dict["lora_B.weight"].values, scaling: loraAlpha / r },
  };
  return { input, operands };
}

const sizesOfLayers: readonly LoraSizes[] = [
  { rows: 1, inFeatures: 5, outFeatures: 7, r: 1 },
  { rows: 3, inFeatures: 33, outFeatures: 17, r: 8 },
  { rows: 13, inFeatures: 16, outFeatures: 65, r: 3 },
  { rows: 0, inFeatures: 4, outFeatures: 4, r: 2 },
];

/**
 * The roundings of a sum of x·Wᵀ + bias + s·(drop(x)·Aᵀ)·Bᵀ: inFeatures + 1 of the first product, as many of the second, r + 1 of
 * the third, 2 of the scaling, 2 of dropout, 1 of the sum. Merged there are r + 3 of the weight's and inFeatures + 1.
 */
const roundings = ({ inFeatures, r }: LoraSizes): number => inFeatures + r + 8;

const gelu = {
  apply: (x: number): number => activationOracle.gelu(x),
  /** No slope of gelu's is larger. */
  slope: 1.13,
  relativeError: 2 ** -20.5,
};

describe("a Linear with an adapter", () => {
  forEachArithmetic(() => {
    it.each(dtypes)("computes x·Wᵀ + b + s·(x·Aᵀ)·Bᵀ, merged and not, before its activation: %s", (dtype) => {
      for (const sizes of sizesOfLayers) {
        for (const activation of [undefined, "gelu"] as const) {
          const create = (): Single => new Single(sizes.inFeatures, sizes.outFeatures, sizes.r > 1, activation);
          withModule(create, (model) => {
            const { input, operands } = caseOf(model, dtype, sizes, 3);
            const sums = lora(operands, sizes);
            const terms = lora(magnitudesOf(operands), sizes);
            const expected = activation === undefined ? sums : sums.map(gelu.apply);
            const tolerance = (index: number): number => {
              const slip = roundings(sizes) * 2 ** -24 * terms[index];
              if (activation === undefined) return slip;
              return gelu.slope * slip + gelu.relativeError * (Math.abs(expected[index]) + gelu.slope * slip);
            };
            const check = (): Tensor => {
              const output = model.layer.forward(given(input, true));
              expectWithin(output, dtype, [sizes.rows, sizes.outFeatures], expected, tolerance);
              return output;
            };
            const weight = contentOf(model);
            const before = check().toArray();
            mergeLora(model);
            check();
            const { a, b, w, scaling } = operands;
            const merged = mergedWeight({ a, b, w, scaling }, sizes);
            const sizesOfTerms = mergedWeight(magnitudesOf(operands), sizes);
            const bound = (index: number): number => (sizes.r + 3) * 2 ** -24 * sizesOfTerms[index];
            expectWithin(model.layer.weight, "float32", model.layer.weight.shape, merged, bound);
            unmergeLora(model);
            expect(contentOf(model)).toEqual(weight);
            expect(check().toArray()).toEqual(before);
          });
        }
      }
    });

    it.each(dtypes)("has the gradients of A, B and x, and none of W: %s", (dtype) => {
      for (const sizes of sizesOfLayers) {
        withModule(
          () => new Single(sizes.inFeatures, sizes.outFeatures, true),
          (model) => {
            const { input, operands } = caseOf(model, dtype, sizes, 5);
            const x = given(input, true) as Tensor<FloatType>;
            x.requiresGrad = true;
            const dy = randomOperand(9, "float32", [sizes.rows, sizes.outFeatures]);
            model.layer.forward(x).backward(given(dy, true) as Tensor);
            const expected = loraGradients(dy.values, operands, sizes);
            const terms = loraGradients(dy.values.map(Math.abs), magnitudesOf(operands), sizes);
            const { rows, inFeatures, outFeatures, r } = sizes;
            // Each is a product of three, of which a sum has as many roundings as terms, and the scaling.
            const factors = { a: outFeatures + rows, b: inFeatures + rows, x: outFeatures + r };
            const parameters = model.namedParameters();
            const tensors = {
              ...{ a: parameters.get("layer.lora_A.weight"), b: parameters.get("layer.lora_B.weight"), x },
            };
            for (const name of ["a", "b", "x"] as const) {
              const { grad, shape } = tensors[name] as Tensor;
              expectWithin(grad as Tensor, "float32", shape, expected[name], (index) => {
                return (factors[name] + 8) * 2 ** -24 * terms[name][index];
              });
            }
            expect(model.layer.weight.grad).toBe(null);
            expect(model.layer.bias?.grad).toBe(null);
          },
        );
      }
    });

    it("drops of the adapter's input alone, by a seed that it draws in training mode alone", () => {
      const sizes = { rows: 5, inFeatures: 20, outFeatures: 6, r: 2 };
      withModule(
        () => new Single(sizes.inFeatures, sizes.outFeatures, true),
        (model) => {
          const { input, operands } = caseOf(model, "float32", sizes, 4);
          const file = loraFiles(model);
          const config = JSON.parse(new TextDecoder().decode(file["adapter_config.json"])) as object;
          removeLora(model);
          const text = JSON.stringify({ ...config, lora_dropout: 0.25 });
          loadLora(model, { ...file, "adapter_config.json": text });

          manualSeed(7);
          const dropped = widen("float32", dropout(given(input, true), { p: 0.25 }).toArray());
          expect(dropped).toContain(0);
          const expected = lora({ ...operands, dropped }, sizes);
          const terms = lora(magnitudesOf({ ...operands, dropped }), sizes);
          manualSeed(7);
          const output = model.layer.forward(given(input, true));
          const tolerance = (index: number): number => roundings(sizes) * 2 ** -24 * terms[index];
          expectWithin(output, "float32", output.shape, expected, tolerance);

          model.eval();
          manualSeed(8);
          const whole = model.layer.forward(given(input, true));
          const after = rand([2]).toArray();
          manualSeed(8);
          expect(rand([2]).toArray()).toEqual(after);
          expectWithin(whole, "float32", whole.shape, lora(operands, sizes), (index) => {
            return roundings(sizes) * 2 ** -24 * lora(magnitudesOf(operands), sizes)[index];
          });
        },
      );
    });
  });
});

/** Multiples of 1/4 within ±1: sums of products of a few are exact. */
const exact = (seed: number, shape: readonly number[]): { data: Float32Array; shape: readonly number[] } => ({
  data: Float32Array.from({ length: count(shape) }, (_, n) => (((n * 7 + seed * 5) % 9) - 4) / 4),
  shape,
});

describe("attention and embeddings with adapters", () => {
  it("have the bits of layers with the merged weights, where sums are exact", async () => {
    const runtime = await init();
    class Layers extends Module {
      cross = new MultiheadAttention(6, 4, { headDim: 3, numKvHeads: 2, addBiasKv: true });
      table = new Embedding(5, 6);
    }
    withModule(
      () => [new Layers(), new Layers()].reduce((model, plain) => Object.assign(model, { plain })),
      (model) => {
        const { plain } = model as Layers & { plain: Layers };
        const names = { "cross.in_proj_weight": [24, 6], "table.weight": [5, 6] } as const;
        const own = Object.entries(plain.stateDict()).map(([name, tensor]) => [name, Tensor.from(tensor)] as const);
        const base = {
          ...Object.fromEntries(own),
          "cross.in_proj_weight": exact(1, names["cross.in_proj_weight"]),
          "cross.in_proj_bias": exact(2, [24]),
          "table.weight": exact(3, names["table.weight"]),
        };
        plain.loadStateDict(base);
        model.loadStateDict({ ...base, ...prefixed("plain.", base) });
        addLora(model, { targetModules: "(cross|table)", r: 2, loraAlpha: 1 });
        const [a, b] = [exact(4, [2, 6]), exact(5, [24, 2])];
        const [tableA, tableB] = [exact(6, [2, 5]), exact(7, [6, 2])];
        model.loadStateDict(
          {
            ...{ "cross.lora_A.weight": a, "cross.lora_B.weight": b },
            ...{ "table.lora_embedding_A": tableA, "table.lora_embedding_B": tableB },
          },
          { strict: false },
        );
        const sizes = { inFeatures: 6, r: 2 };
        const inProjection = mergedWeight(
          { w: base["cross.in_proj_weight"].data, a: a.data, b: b.data, scaling: 0.5 },
          { ...sizes, outFeatures: 24 },
        );
        // W + s·(B·A)ᵀ = W + s·Aᵀ·Bᵀ
        const columns = (matrix: Float32Array, rows: number): Float32Array =>
          Float32Array.from(matrix, (_, at) => matrix[(at % rows) * (matrix.length / rows) + Math.floor(at / rows)]);
        const table = mergedWeight(
          {
            ...{ w: base["table.weight"].data, scaling: 0.5 },
            ...{ a: columns(tableB.data, 6), b: columns(tableA.data, 2) },
          },
          { ...sizes, outFeatures: 5 },
        );
        plain.loadStateDict(
          {
            "cross.in_proj_weight": { data: Float32Array.from(inProjection), shape: [24, 6] },
            "table.weight": { data: Float32Array.from(table), shape: [5, 6] },
          },
          { strict: false },
        );

        const ids = [4, 0, 2, 2];
        const vectors = model.table.forward(ids);
        expect(vectors.toArray()).toEqual(plain.table.forward(ids).toArray());
        const [query, key, value] = [exact(8, [3, 6]), exact(9, [4, 6]), exact(10, [4, 6])];
        const attended = (layers: Layers): unknown =>
          Array.from(layers.cross.forward(query, key, value).output.toArray());
        expect(attended(model)).toEqual(attended(plain));
        mergeLora(model);
        expect(attended(model)).toEqual(attended(plain));
        expect(model.table.forward(ids).toArray()).toEqual(plain.table.forward(ids).toArray());
      },
    );
    runtime.dispose();
  });
});

const prefixed = (prefix: string, dict: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(dict).map(([name, value]) => [prefix + name, value]));

describe("a model with adapters", () => {
  forEachArithmetic(() => {
    it("computes what it did before, with parameters under PEFT's names, of which these alone learn", () => {
      withModule(
        () => new Model(),
        (model) => {
          model.eval();
          const names = Object.keys(model.stateDict());
          const before = model.forward(tokens).toArray();
          addLora(model, {
            ...everything,
            // The head has no adapter, since it learns as a whole.
            targetModules: ["embedding", "blocks.0", "1", "hidden", "head"],
            modulesToSave: ["head"],
          });
          // B is 0, of the Embedding A: what is added is exactly 0.
          expect(model.forward(tokens).toArray()).toEqual(before);
          const shapes = Object.fromEntries(
            Object.entries(model.stateDict())
              .filter(([name]) => !names.includes(name))
              .map(([name, { shape }]) => [name, shape]),
          );
          expect(shapes).toEqual({
            "embedding.lora_embedding_A": [2, 6],
            "embedding.lora_embedding_B": [8, 2],
            "blocks.0.out_proj.lora_A.weight": [2, 8],
            "blocks.0.out_proj.lora_B.weight": [8, 2],
            "blocks.0.lora_A.weight": [2, 8],
            "blocks.0.lora_B.weight": [24, 2],
            "blocks.1.out_proj.lora_A.weight": [2, 8],
            "blocks.1.out_proj.lora_B.weight": [8, 2],
            "blocks.1.lora_A.weight": [2, 8],
            "blocks.1.lora_B.weight": [16, 2],
            "hidden.lora_A.weight": [2, 8],
            "hidden.lora_B.weight": [12, 2],
          });
          expect(learnedIn(model)).toEqual([...Object.keys(shapes), "head.weight", "head.bias"]);
        },
      );
    });

    it("starts with A uniform within ±1/√inFeatures and B 0, of an Embedding A 0 and B normal", () => {
      class Wide extends Module {
        linear = new Linear(64, 100);
        table = new Embedding(100, 64);
      }
      withModule(
        () => new Wide(),
        (model) => {
          addLora(model, { targetModules: ["linear", "table"], r: 50 });
          const dict = model.stateDict();
          const a = Array.from(dict["linear.lora_A.weight"].toArray(), Number);
          // 3,200 numbers: the largest is that near to the bound in all but 10^-14 of the cases.
          expect(Math.max(...a.map(Math.abs))).toBeLessThanOrEqual(1 / 8);
          expect(Math.max(...a.map(Math.abs))).toBeGreaterThan(0.99 / 8);
          const b = Array.from(dict["table.lora_embedding_B"].toArray(), Number);
          const variance = b.reduce((total, x) => total + x * x, 0) / b.length;
          // Six deviations, of √(2/n) each.
          expect(Math.abs(variance - 1)).toBeLessThan(6 * Math.sqrt(2 / b.length));
          for (const name of ["linear.lora_B.weight", "table.lora_embedding_A"]) {
            expect(new Set(dict[name].toArray())).toEqual(new Set([0]));
          }
        },
      );
    });

    it("gets its old bits, parameters that learn, and memory back", () => {
      withModule(
        () => new Model(),
        (model) => {
          model.eval().requiresGrad(false, /norm/);
          const before = contentOf(model);
          const learned = learnedIn(model);
          const output = model.forward(tokens).toArray();
          const inUse = memoryUsage().bytesInUse;
          for (const isMerged of [false, true]) {
            addLora(model, everything);
            fill(model);
            const apart = scope(() => model.forward(tokens).toArray());
            expect(apart).not.toEqual(output);
            mergeLora(model);
            expect(scope(() => model.forward(tokens).toArray())).not.toEqual(output);
            unmergeLora(model);
            expect(scope(() => model.forward(tokens).toArray())).toEqual(apart);
            if (isMerged) mergeLora(model);
            removeLora(model);
            expect(learnedIn(model)).toEqual(learned);
            expect(memoryUsage().bytesInUse).toBe(inUse);
            if (!isMerged) expect(contentOf(model)).toEqual(before);
            else expect(contentOf(model)).not.toEqual(before);
          }
        },
      );
    });

    it("gives everything back when it is disposed, merged or not", () => {
      for (const isMerged of [false, true]) {
        withModule(
          () => new Model(),
          (model) => {
            addLora(model, everything);
            scope(() => void model.forward(tokens));
            if (isMerged) mergeLora(model);
          },
        );
      }
    });

    it("loads a state dict of the model without adapters, and its own", () => {
      withModule(
        () => new Model(),
        (model) => {
          const base = Object.entries(model.stateDict()).map(([name, tensor]) => [name, Tensor.from(tensor)] as const);
          addLora(model, everything);
          const { missingKeys, unexpectedKeys } = model.loadStateDict(new Map(base), { strict: false });
          expect(unexpectedKeys).toEqual([]);
          expect(missingKeys.every((name) => name.includes("lora_"))).toBe(true);
          expectThrows(
            () => model.loadStateDict(new Map(base)),
            RangeError,
            "ERR_INVALID_VALUE",
            /missing keys .*lora_/,
          );
          model.loadStateDict(model.stateDict());
        },
      );
    });

    it("has one adapter for a layer that stands in two places", () => {
      class Shared extends Module {
        first: Linear;
        attention: SelfAttention;
        layers: Linear[];

        constructor() {
          super();
          const layer = new Linear(4, 4);
          const attention = new SelfAttention(4, 2);
          this.first = attention.out_proj;
          this.attention = attention;
          this.layers = [layer, layer];
        }
      }
      withModule(
        () => new Shared(),
        (model) => {
          addLora(model, { targetModules: ["first", "attention", "0"], r: 1 });
          const own = Object.keys(model.stateDict()).filter((name) => name.endsWith(".lora_A.weight"));
          const names = ["first", "attention.out_proj", "attention", "layers.0", "layers.1"];
          expect(own).toEqual(names.map((name) => `${name}.lora_A.weight`));
          expect(learnedIn(model)).toHaveLength(2 * 3);
          mergeLora(model);
          unmergeLora(model);
        },
      );
    });

    it("may be a proxy", () => {
      withModule(
        () => new Model(),
        (model) => {
          const proxy = new Proxy(model, {});
          addLora(proxy, everything);
          mergeLora(model);
          unmergeLora(proxy);
          removeLora(model);
        },
      );
    });
  });
});

/** Refused without a change and without a leak. */
function expectRefused(
  model: Module,
  call: () => unknown,
  ...expectation: [kind: typeof TypeError | typeof RangeError, code: never, message: RegExp]
): void {
  const before = [contentOf(model), learnedIn(model)];
  expectThrowsWithoutLeak(call, ...expectation);
  expect([contentOf(model), learnedIn(model)]).toEqual(before);
}

describe("wrong calls", () => {
  class Tied extends Module {
    table = new Embedding(6, 4);
    head = Linear.from(this.table.weight);
    own = parameter(Tensor.from(new Float32Array(4), [2, 2]));
    layer = Linear.from(this.own);
  }
  class Wide extends Module {
    attention = new MultiheadAttention(4, 2, { kdim: 3 });
  }

  // prettier-ignore
  const refused: readonly [name: string, options: unknown, kind: typeof TypeError | typeof RangeError, code: string, message: RegExp][] = [
    ["no options", undefined, TypeError, "ERR_INVALID_TYPE", /^addLora: targetModules: .*names or a regular expression, got undefined/],
    ["an unknown option", { targetModules: ["head"], lora_alpha: 2 }, TypeError, "ERR_INVALID_TYPE", /did you mean loraAlpha\?/],
    ["no targets", { targetModules: [] }, RangeError, "ERR_INVALID_VALUE", /targetModules: expected at least one name, got \[\]/],
    ["a target that is no text", { targetModules: [1] }, TypeError, "ERR_INVALID_TYPE", /targetModules: .*got \[1\]/],
    ["a rank of 0", { targetModules: ["head"], r: 0 }, RangeError, "ERR_INVALID_VALUE", /r: expected an integer of at least 1, got 0/],
    ["a rank of 1.5", { targetModules: ["head"], r: 1.5 }, RangeError, "ERR_INVALID_VALUE", /r: /],
    ["an alpha of NaN", { targetModules: ["head"], loraAlpha: NaN }, RangeError, "ERR_INVALID_VALUE", /loraAlpha: .*got NaN/],
    ["a dropout of 2", { targetModules: ["head"], loraDropout: 2 }, RangeError, "ERR_INVALID_VALUE", /loraDropout: .*from 0 to 1, got 2/],
    ["useRslora 1", { targetModules: ["head"], useRslora: 1 }, TypeError, "ERR_INVALID_TYPE", /useRslora: .*boolean, got 1/],
    ["patterns in an array", { targetModules: ["head"], rankPattern: [4] }, TypeError, "ERR_INVALID_TYPE", /rankPattern: .*got \[4\]/],
    ["a rank of 0 in a pattern", { targetModules: ["head"], rankPattern: { head: 0 } }, RangeError, "ERR_INVALID_VALUE", /rankPattern\[head\]: .*got 0/],
    ["an alpha as text", { targetModules: ["head"], alphaPattern: { head: "4" } }, TypeError, "ERR_INVALID_TYPE", /alphaPattern\[head\]: .*got "4"/],
    ["modulesToSave as text", { targetModules: ["hidden"], modulesToSave: "head" }, TypeError, "ERR_INVALID_TYPE", /modulesToSave: .*got "head"/],
    ["targets that aren't there, all in one error", { targetModules: ["head", "q_proj", "ead", "norm"], modulesToSave: ["tail"] }, RangeError, "ERR_INVALID_VALUE",
      /^addLora: targetModules: no module's path matches "q_proj"; targetModules: no module's path matches "ead"; modulesToSave: no module's path ends with "tail"; targetModules: norm, LayerNorm, is no Linear, Embedding or attention$/],
    ["an expression that matches nothing", { targetModules: "hea" }, RangeError, "ERR_INVALID_VALUE", /no module's path matches "hea"/],
    ["an expression of Python's alone", { targetModules: "(?i)HEAD" }, RangeError, "ERR_INVALID_VALUE", /targetModules: expected a regular expression that JavaScript has as well, got "\(\?i\)HEAD"/],
    ["a pattern of Python's alone", { targetModules: ["head"], alphaPattern: { "(?>x)": 1 } }, RangeError, "ERR_INVALID_VALUE", /^addLora: alphaPattern\[\(\?>x\)\]: expected a regular expression/],
    ["targets that learn as a whole", { targetModules: ["head"], modulesToSave: ["head"] }, RangeError, "ERR_INVALID_VALUE", /targetModules: head learn as a whole, by modulesToSave/],
    ["attention with dropout", { targetModules: ["0"], loraDropout: 0.1 }, RangeError, "ERR_INVALID_VALUE", /loraDropout: blocks\.0 is an attention, which takes none/],
  ];

  forEachArithmetic(() => {
    it.each(refused)("addLora refuses %s", (_, options, kind, code, message) => {
      withModule(
        () => new Model(),
        (model) => expectRefused(model, () => addLora(model, options as LoraOptions), kind, code as never, message),
      );
    });

    it("refuses attention with keys of another width, and whole modules that are tied", () => {
      withModule(
        () => new Wide(),
        (model) =>
          expectRefused(
            ...([model, () => addLora(model, { targetModules: ["attention"] }), RangeError] as const),
            ...([
              "ERR_INVALID_VALUE" as never,
              /attention, MultiheadAttention, has keys or values of another width/,
            ] as const),
          ),
      );
      withModule(
        () => new Tied(),
        (model) =>
          expectRefused(
            ...([
              model,
              () => addLora(model, { targetModules: ["layer"], modulesToSave: ["head"] }),
              RangeError,
            ] as const),
            ...(["ERR_INVALID_VALUE" as never, /modulesToSave: head\.weight stands in table as well/] as const),
          ),
      );
    });

    it("refuses to merge weights that other modules have too, which adapters alone don't mind", () => {
      withModule(
        () => new Tied(),
        (model) => {
          addLora(model, { targetModules: ["head", "layer"] });
          const merge = (): void => mergeLora(model);
          expectRefused(
            model,
            merge,
            TypeError,
            "ERR_INVALID_TYPE" as never,
            /^mergeLora: head: its weight stands in table as well/,
          );
          removeLora(model);
          addLora(model, { targetModules: ["layer"] });
          expectRefused(
            model,
            merge,
            TypeError,
            "ERR_INVALID_TYPE" as never,
            /layer: its weight stands in the model as well/,
          );
        },
      );
    });

    it("refuses what is no module, has no adapters, has some already, is merged, isn't, or has been disposed", () => {
      const code = "ERR_INVALID_TYPE" as never;
      for (const call of [mergeLora, unmergeLora, removeLora, loraFiles]) {
        expectThrows(() => call({} as never), TypeError, code, /^\w+: model: expected a Module, got \{\}/);
      }
      withModule(
        () => new Model(),
        (model) => {
          for (const call of [mergeLora, unmergeLora, removeLora, loraFiles]) {
            expectRefused(
              model,
              () => call(model),
              TypeError,
              code,
              /^\w+: model: has no adapters: addLora gives it some/,
            );
          }
          addLora(model, everything);
          for (const part of [model, model.head, model.blocks[0]]) {
            const again = (): void => addLora(part, { targetModules: ["out_proj"] });
            expectRefused(model, again, TypeError, code, /has adapters already: removeLora takes them away/);
          }
          expectRefused(model, () => unmergeLora(model), TypeError, code, /unmergeLora: model: is not merged/);
          mergeLora(model);
          expectRefused(model, () => mergeLora(model), TypeError, code, /mergeLora: model: is merged already/);
          const weight = Tensor.from(model.head.weight);
          model.loadStateDict({ "head.weight": weight }, { strict: false });
          expectRefused(
            model,
            () => unmergeLora(model),
            TypeError,
            code,
            /head: its weight has changed since mergeLora/,
          );
          removeLora(model);
          model.dispose();
          expectThrows(
            () => addLora(model, everything),
            TypeError,
            "ERR_DISPOSED",
            // The bundle of the matrix gives classes with the name of another one a number.
            /Model\d*\.addLora: .*has been disposed/,
          );
        },
      );
    });
  });
});

describe("without memory", () => {
  it("leaves the model as it was, whenever memory ends", async () => {
    const runtime = await init({ maximumMemory: 4 * 2 ** 20 });
    const model = new Model();
    const given = contentOf(model);
    addLora(model, { ...everything, modulesToSave: ["norm"] });
    fill(model);
    const files = loraFiles(model);
    removeLora(model);
    /** Each with what undoes it, and what comes before. */
    const calls: [prepare: () => void, call: () => void, undo: () => void, clean: () => void][] = [
      [() => {}, () => addLora(model, everything), () => removeLora(model), () => {}],
      [() => {}, () => loadLora(model, files), () => removeLora(model), () => {}],
      [() => addLora(model, everything), () => mergeLora(model), () => unmergeLora(model), () => removeLora(model)],
    ];
    for (const [prepare, call, undo, clean] of calls) {
      prepare();
      const expected = contentOf(model);
      const outcomes: boolean[] = [];
      const ballast: Tensor[] = [];
      const attempt = (): boolean => {
        const before = memoryUsage().bytesInUse;
        try {
          call();
          undo();
          return true;
        } catch (error) {
          expectError(error, RangeError, "ERR_OUT_OF_MEMORY", /out of memory/);
          expect(contentOf(model)).toEqual(expected);
          return false;
        } finally {
          expect(memoryUsage().bytesInUse).toBe(before);
        }
      };
      try {
        // Ever smaller pieces, until nothing is left.
        for (let size = 2 ** 21; size >= 256;) {
          try {
            ballast.push(Tensor.from(new Uint8Array(size)));
          } catch (error) {
            expectError(error, RangeError, "ERR_OUT_OF_MEMORY", /^Tensor.from: out of memory/);
            size /= 2;
            continue;
          }
          outcomes.push(attempt());
        }
      } finally {
        for (const tensor of ballast) tensor.dispose();
      }
      expect(outcomes).toContain(true);
      expect(outcomes).toContain(false);
      expect(attempt()).toBe(true);
      clean();
      expect(contentOf(model)).toEqual(given);
    }
    runtime.dispose();
  });
});
