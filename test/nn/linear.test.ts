/** Linear: against the float64 oracle with every activation, its state, its errors, its memory. */
import { describe, expect, it } from "vitest";
import {
  type Activation,
  type ErrorCode,
  gelu,
  init,
  Linear,
  linear,
  type LinearOptions,
  loadSafetensors,
  manualSeed,
  memoryUsage,
  rand,
  relu,
  sigmoid,
  saveSafetensors,
  scope,
  silu,
  tanh,
  type StateDictLike,
  type Tensor,
  type TensorData,
} from "../../ts/entry/default.js";
import { forEachArithmetic } from "../support/arithmetics.js";
import { count, given, type LayerOperand, randomOperand } from "../cases/layer-operands.js";
import { expectThrows } from "../support/expect-error.js";
import { expectWithin } from "../support/expect-within.js";
import type { FloatType } from "../oracle/half.js";
import * as activationOracle from "../oracle/activation.js";
import * as oracle from "../oracle/linear.js";
import { expectThrowsWithoutLeak, withoutLeak } from "../support/without-leak.js";

/** An activation in float64, the relative error that the package states for it, and the package's function. */
interface Oracle {
  readonly apply: (x: number) => number;
  readonly relativeError: (x: number) => number;
  readonly operation: (input: Tensor) => Tensor;
}

const geluArgument = (x: number): number => Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3);

const oracles: Record<Activation | "none", Oracle> = {
  none: { apply: (x) => x, relativeError: () => 0, operation: (x) => x },
  gelu: { apply: (x) => activationOracle.gelu(x), relativeError: () => 2 ** -20.5, operation: (x) => gelu(x) },
  "gelu-tanh": {
    apply: (x) => activationOracle.gelu(x, "tanh"),
    relativeError: (x) => 2 ** -23 * (3 + 4 * Math.abs(geluArgument(x))),
    operation: (x) => gelu(x, { approximate: "tanh" }),
  },
  silu: { apply: activationOracle.silu, relativeError: () => 2 ** -22, operation: silu },
  relu: { apply: activationOracle.relu, relativeError: () => 0, operation: relu },
  sigmoid: { apply: activationOracle.sigmoid, relativeError: () => 2 ** -21.5, operation: sigmoid },
  tanh: { apply: Math.tanh, relativeError: () => 2 ** -21.5, operation: tanh },
};
const names = Object.keys(oracles) as (keyof typeof oracles)[];
const activationOf = (name: keyof typeof oracles): Activation | undefined => (name === "none" ? undefined : name);

/** No activation's slope is larger. */
const SLOPE = 1.13;

/** Runs it with a layer, which is disposed, and requires that all memory is given back. */
function withLayer(
  inFeatures: number,
  outFeatures: number,
  options: LinearOptions,
  run: (layer: Linear) => void,
): void {
  withoutLeak(() => {
    const layer = new Linear(inFeatures, outFeatures, options);
    try {
      run(layer);
    } finally {
      layer.dispose();
    }
  });
}

/** Compares one call with the float64 truth. */
function expectTruth(
  name: keyof typeof oracles,
  input: LayerOperand,
  outFeatures: number,
  hasBias: boolean,
  seed: number,
): void {
  const { apply, relativeError } = oracles[name];
  const inFeatures = input.shape[input.shape.length - 1];
  const leading = input.shape.slice(0, -1);
  withLayer(inFeatures, outFeatures, { bias: hasBias, activation: activationOf(name) }, (layer) => {
    const weight = randomOperand(seed, "float32", [outFeatures, inFeatures], inFeatures ** -0.5);
    const bias = hasBias ? randomOperand(seed + 1, "float32", [outFeatures]) : undefined;
    layer.loadStateDict(bias === undefined ? { weight } : { weight, bias });
    const sums = (x: Float64Array, w: Float64Array, b: Float64Array | undefined): Float64Array =>
      oracle.linear(x, w, b, count(leading), inFeatures, outFeatures);
    const before = sums(input.values, weight.values, bias?.values);
    const magnitudes = sums(
      input.values.map(Math.abs),
      weight.values.map(Math.abs),
      bias === undefined ? undefined : bias.values.map(Math.abs),
    );
    const truth = before.map(apply);
    expectWithin(layer.forward(given(input, seed % 2 === 0)), input.dtype, [...leading, outFeatures], truth, (n) => {
      const slip = SLOPE * (inFeatures + 1) * 2 ** -24 * magnitudes[n];
      return slip + relativeError(before[n]) * (Math.abs(truth[n]) + slip);
    });
  });
}

const zeros = (...shape: number[]): TensorData => ({ data: new Float32Array(count(shape)), shape });
const bitsOf = (tensor: Tensor): ArrayLike<number> => tensor.toArray();

describe("Linear", () => {
  forEachArithmetic(() => {
    it.each(names)("is within the stated error of the oracle: activation %s", (name) => {
      const dtypes: FloatType[] = ["float32", "float16", "bfloat16"];
      let seed = 0;
      // Features on and off the tiles of 8 outputs, rows on and off those of 6.
      for (let size = 1; size <= 40; size++) {
        for (const rows of [0, 1, 2, 5, 6, 7, 13]) {
          seed++;
          const input = randomOperand(seed, dtypes[seed % 3], [rows, size], 2);
          expectTruth(name, input, 41 - size, seed % 4 !== 0, seed);
        }
      }
      for (const [rows, inFeatures, outFeatures] of [
        [1, 257, 131],
        [97, 64, 65],
        [193, 33, 100],
      ]) {
        for (const dtype of dtypes) {
          seed++;
          expectTruth(name, randomOperand(seed, dtype, [rows, inFeatures], 2), outFeatures, true, seed);
        }
      }
      for (const leading of [[], [2, 3], [1, 0, 4], [2, 1, 3, 2]]) {
        seed++;
        expectTruth(name, randomOperand(seed, dtypes[seed % 3], [...leading, 10]), 12, true, seed);
      }
    });

    it.each(names)("gives the bits of linear and the activation one after the other: %s", (name) => {
      const layerOptions = { activation: activationOf(name) };
      for (const rows of [1, 13]) {
        withLayer(20, 33, layerOptions, (layer) => {
          const input = given(randomOperand(3, "float32", [rows, 20], 3), false);
          const { weight, bias } = layer.stateDict();
          const apart = oracles[name].operation(linear(input, weight, bias));
          expect(bitsOf(layer.forward(input))).toEqual(bitsOf(apart));
        });
      }
    });

    it("keeps NaN and infinity in their rows", () => {
      withLayer(1, 2, { activation: "relu" }, (layer) => {
        layer.loadStateDict({ weight: { data: [1, -1], shape: [2, 1] }, bias: zeros(2) });
        const output = layer.forward({ data: [NaN, Infinity, 2], shape: [3, 1] });
        expect(output.toNested()).toEqual([
          [NaN, NaN],
          [Infinity, 0],
          [2, 0],
        ]);
      });
    });

    it("starts as PyTorch's does, from the package's generator: weight, then bias", () => {
      manualSeed(11);
      withLayer(16, 300, {}, (layer) => {
        expect([layer.inFeatures, layer.outFeatures]).toEqual([16, 300]);
        const { weight, bias } = layer.stateDict();
        expect([weight.shape, bias.shape]).toEqual([[300, 16], [300]]);
        manualSeed(11);
        const uniform = { low: -1 / 4, high: 1 / 4 };
        expect(bitsOf(weight)).toEqual(bitsOf(rand([300, 16], uniform)));
        expect(bitsOf(bias)).toEqual(bitsOf(rand([300], uniform)));
        for (const parameter of [weight, bias]) {
          const values = [...(parameter.toArray() as Float32Array)];
          expect(Math.max(...values)).toBeGreaterThan(0.95 / 4);
          expect(Math.min(...values)).toBeLessThan(-0.95 / 4);
        }
      });
    });

    it("starts in training mode, which makes no difference", () => {
      withLayer(4, 3, { activation: "gelu" }, (layer) => {
        const input = given(randomOperand(8, "float32", [2, 4]), true);
        expect(layer.training).toBe(true);
        const output = bitsOf(layer.forward(input));
        expect(layer.eval()).toBe(layer);
        expect(layer.training).toBe(false);
        expect(bitsOf(layer.forward(input))).toEqual(output);
        expect(layer.train().training).toBe(true);
        expect(layer.train(false).training).toBe(false);
      });
    });

    describe("state dict", () => {
      const input = given(randomOperand(9, "float32", [5, 10]), false);
      const run = (layer: Linear): ArrayLike<number> => bitsOf(layer.forward(input));

      it.each<[string, LinearOptions, string[]]>([
        ["with bias", { activation: "silu" }, ["weight", "bias"]],
        ["without", { bias: false }, ["weight"]],
      ])("goes through safetensors: %s", (_, options, keys) => {
        withLayer(10, 7, options, (layer) => {
          // Its weight is packed before the other layer's memory is counted.
          run(layer);
          withLayer(10, 7, options, (other) => {
            expect(Object.keys(layer.stateDict())).toEqual(keys);
            expect(layer.parameters()).toEqual(Object.values(layer.stateDict()));
            expect(run(other)).not.toEqual(run(layer));
            const file = saveSafetensors(layer.stateDict());
            expect(other.loadStateDict(loadSafetensors(file).tensors)).toEqual({ missingKeys: [], unexpectedKeys: [] });
            expect(run(other)).toEqual(run(layer));
          });
        });
      });

      it("takes 16-bit floats, which are widened", () => {
        withLayer(10, 7, {}, (layer) => {
          const state = { weight: rand([7, 10], { dtype: "bfloat16" }), bias: rand([7], { dtype: "float16" }) };
          layer.loadStateDict(state);
          expect(layer.stateDict().weight.dtype).toBe("float32");
          expect(run(layer)).toEqual(bitsOf(linear(input, state.weight, state.bias)));
        });
      });

      it.each<[string, (layer: Linear) => void]>([
        ["the next loadStateDict", (layer) => void layer.loadStateDict(layer.stateDict())],
        ["dropPackedWeights", (layer) => layer.dropPackedWeights()],
      ])("lets what is written into the weight's view take effect with %s", (_, tell) => {
        withLayer(10, 7, {}, (layer) => {
          const before = run(layer);
          layer.weight.view().fill(0);
          expect(run(layer)).toEqual(before);
          layer.bias?.view().fill(3);
          tell(layer);
          expect(run(layer)).toEqual(new Float32Array(35).fill(3));
        });
      });

      it.each<[string, unknown, typeof TypeError | typeof RangeError, ErrorCode, RegExp]>([
        ["a missing key", { weight: zeros(7, 10) }, RangeError, "ERR_INVALID_VALUE", /dict: missing keys "bias"$/],
        [
          "a transposed weight",
          { weight: zeros(10, 7), bias: zeros(7) },
          RangeError,
          "ERR_SHAPE",
          /^Linear\.loadStateDict: dict: weight: expected shape \[7, 10\], got \[10, 7\]$/,
        ],
        [
          "float64",
          { weight: zeros(7, 10), bias: { data: new Float64Array(7), shape: [7] } },
          TypeError,
          "ERR_INVALID_TYPE",
          /^Linear\.loadStateDict: dict: bias\.data: expected a Float32Array, .* got Float64Array\(7\)$/,
        ],
      ])("changes nothing for %s", (_, dict, kind, code, message) => {
        withLayer(10, 7, {}, (layer) => {
          const before = run(layer);
          expectThrowsWithoutLeak(() => layer.loadStateDict(dict as StateDictLike), kind, code, message);
          expect(run(layer)).toEqual(before);
        });
      });
    });

    describe("from", () => {
      const input = given(randomOperand(9, "float32", [5, 10]), false);

      it("takes a float32 tensor over, and draws nothing", () => {
        withoutLeak(() => {
          manualSeed(3);
          const next = rand([2]).toArray();
          manualSeed(3);
          const weight = rand([7, 10], { seed: 1 });
          const before = memoryUsage().bytesInUse;
          const layer = scope(() => Linear.from(weight, undefined, { activation: "silu" }));
          expect(memoryUsage().bytesInUse).toBe(before);
          expect(rand([2]).toArray()).toEqual(next);
          expect(layer).toMatchObject({ inFeatures: 10, outFeatures: 7, activation: "silu", bias: undefined });
          expect(layer.weight).toBe(weight);
          expect(layer.parameters()).toEqual([weight]);
          expect(bitsOf(layer.forward(input))).toEqual(bitsOf(silu(linear(input, weight))));
          layer.dispose();
          expect(weight.disposed).toBe(true);
        });
      });

      it("copies all else to float32, and leaves it to the caller", () => {
        withoutLeak(() => {
          const weight = rand([7, 10], { seed: 1, dtype: "bfloat16" });
          const bias = { data: Float32Array.from({ length: 7 }, (_, n) => n), shape: [7] };
          const layer = Linear.from(weight, bias);
          expect(layer.parameters().map(({ dtype }) => dtype)).toEqual(["float32", "float32"]);
          expect(bitsOf(layer.forward(input))).toEqual(bitsOf(linear(input, weight, bias)));
          layer.dispose();
          expect(weight.disposed).toBe(false);
        });
      });

      it("takes the tensors out of the scopes in which they were made", () => {
        const before = memoryUsage().bytesInUse;
        let layer: Linear | undefined;
        scope(() => {
          layer = Linear.from(rand([7, 10]), rand([7], { dtype: "float16" }));
        });
        expect(layer?.parameters().map(({ disposed }) => disposed)).toEqual([false, false]);
        layer?.dispose();
        expect(memoryUsage().bytesInUse).toBe(before);
      });

      it.each<[string, () => unknown, typeof TypeError | typeof RangeError, ErrorCode, RegExp]>([
        ["no weight", () => Linear.from(undefined as never), TypeError, "ERR_INVALID_TYPE", /: weight: expected a Ten/],
        ["rank 1", () => Linear.from(zeros(3)), RangeError, "ERR_SHAPE", /: weight: expected shape \[outFeatures, in/],
        [
          "no rows",
          () => Linear.from(zeros(0, 3)),
          RangeError,
          "ERR_INVALID_VALUE",
          /: weight: .*at least 1, got \[0, 3/,
        ],
        ["another bias", () => Linear.from(zeros(2, 3), zeros(3)), RangeError, "ERR_SHAPE", /: bias: .*\[2\].*\[3\]/],
        [
          "integers",
          () => Linear.from({ data: new Int32Array(6), shape: [2, 3] }),
          TypeError,
          "ERR_INVALID_TYPE",
          /: weight: expected float32.* got "int32"$/,
        ],
        [
          "a bias as an option",
          () => Linear.from(zeros(2, 3), undefined, { bias: true } as object),
          TypeError,
          "ERR_INVALID_TYPE",
          /: options: unknown option "bias"/,
        ],
        [
          "an unknown activation",
          () => Linear.from(zeros(2, 3), undefined, { activation: "elu" as never }),
          RangeError,
          "ERR_INVALID_VALUE",
          /: activation: expected "gelu" or/,
        ],
      ])("refuses %s", (_, call, kind, code, message) => {
        const error = expectThrowsWithoutLeak(call, kind, code, message);
        expect((error as Error).message).toMatch(/^Linear\.from: /);
      });
    });

    describe("errors", () => {
      const construct = (...args: unknown[]) => new Linear(...(args as [number, number, LinearOptions]));
      it.each<[unknown[], typeof TypeError | typeof RangeError, ErrorCode, RegExp]>([
        [["4", 3], TypeError, "ERR_INVALID_TYPE", /^Linear: inFeatures: expected an integer of at least 1, got "4"$/],
        [[4], TypeError, "ERR_INVALID_TYPE", /^Linear: outFeatures: expected an integer.* got undefined$/],
        [[0, 3], RangeError, "ERR_INVALID_VALUE", /^Linear: inFeatures: expected an integer of at least 1, got 0$/],
        [[4, 2.5], RangeError, "ERR_INVALID_VALUE", /^Linear: outFeatures: .* got 2\.5$/],
        [[4, 3, false], TypeError, "ERR_INVALID_TYPE", /^Linear: options: expected an object, got false$/],
        [[4, 3, { biass: true }], TypeError, "ERR_INVALID_TYPE", /unknown option "biass"; did you mean bias\?$/],
        [[4, 3, { bias: 1 }], TypeError, "ERR_INVALID_TYPE", /^Linear: bias: expected a boolean, got 1$/],
        [[4, 3, { activation: silu }], TypeError, "ERR_INVALID_TYPE", /^Linear: activation: .* got a function$/],
        [
          [4, 3, { activation: "gelu_tanh" }],
          RangeError,
          "ERR_INVALID_VALUE",
          /^Linear: activation: expected "gelu" or "gelu-tanh" or "silu" or "relu" or "sigmoid" or "tanh", got "gelu_tanh"$/,
        ],
        [[2 ** 53 - 1, 2], RangeError, "ERR_OUT_OF_MEMORY", /^Linear: out of memory: .* \[2, 9007199254740991\]/],
        [[30_000, 20_000], RangeError, "ERR_OUT_OF_MEMORY", /^Linear: out of memory: .* \[20000, 30000\]/],
      ])("refuses to construct %j", (args, kind, code, message) => {
        withoutLeak(() => expectThrowsWithoutLeak(() => construct(...args), kind, code, message));
      });

      it.each<[string, unknown, typeof TypeError | typeof RangeError, ErrorCode, RegExp]>([
        ["another width", zeros(2, 5), RangeError, "ERR_SHAPE", /input: expected shape \[…, 4\].* got \[2, 5\]$/],
        ["rank 0", { data: [1], shape: [] }, RangeError, "ERR_SHAPE", /input: .* got \[\]$/],
        [
          "float64",
          { data: new Float64Array(4), shape: [4] },
          TypeError,
          "ERR_INVALID_TYPE",
          /input\.data: expected a Float32Array, .* got Float64Array\(4\)$/,
        ],
        ["int32", { data: new Int32Array(4), shape: [4] }, TypeError, "ERR_INVALID_TYPE", /input: .* got "int32"$/],
        ["a bare array", [1, 2, 3, 4], TypeError, "ERR_INVALID_TYPE", /input: expected a Tensor/],
        ["nothing", undefined, TypeError, "ERR_INVALID_TYPE", /input: expected a Tensor/],
        ["a result over 2 GiB", zeros(200_000, 4), RangeError, "ERR_OUT_OF_MEMORY", /: out of memory/],
      ])("refuses an input: %s", (name, value, kind, code, message) => {
        withLayer(4, name === "a result over 2 GiB" ? 3000 : 3, {}, (layer) => {
          const error = expectThrowsWithoutLeak(() => layer.forward(value as TensorData), kind, code, message);
          expect((error as Error).message).toMatch(/^Linear\.forward: /);
          expect(layer.forward(zeros(4)).shape).toEqual([layer.outFeatures]);
        });
      });

      it("refuses everything once it has been disposed", () => {
        const { bytesInUse } = memoryUsage();
        const layer = new Linear(4, 3);
        const state = layer.stateDict();
        layer.dispose();
        layer.dispose();
        expect(layer.disposed).toBe(true);
        expect([layer.inFeatures, layer.outFeatures]).toEqual([4, 3]);
        const uses: [string, () => unknown][] = [
          ["forward", () => layer.forward(zeros(4))],
          ["stateDict", () => layer.stateDict()],
          ["parameters", () => layer.parameters()],
          ["loadStateDict", () => layer.loadStateDict({})],
        ];
        for (const [name, use] of uses) {
          const message = new RegExp(`^Linear\\.${name}: this: the Linear has been disposed$`);
          expectThrows(use, TypeError, "ERR_DISPOSED", message);
        }
        expectThrows(() => state.weight.toArray(), TypeError, "ERR_DISPOSED", /disposed/);
        expect(memoryUsage().bytesInUse).toBe(bytesInUse);
      });
    });

    it("lives on when a scope ends, and its results do not", () => {
      const { bytesInUse } = memoryUsage();
      const layer = scope(() => ({ made: new Linear(4, 3) })).made;
      // The first call packs the weight, for all that follow.
      scope(() => void layer.forward(zeros(4)));
      const own = memoryUsage().bytesInUse;
      const output = scope(() => {
        layer.forward(zeros(2, 4));
        return layer.forward(zeros(5, 4));
      });
      expect(memoryUsage().bytesInUse).toBeGreaterThan(own);
      output.dispose();
      expect(memoryUsage().bytesInUse).toBe(own);
      layer.dispose();
      expect(memoryUsage().bytesInUse).toBe(bytesInUse);
    });
  });

  it("needs init", async () => {
    const runtime = await init();
    runtime.dispose();
    expect(() => new Linear(4, 3)).toThrow(/^Linear: .*init/);
  });
});
