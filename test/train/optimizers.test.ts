/** Optimizers: worked examples, their formulas in float64, state, groups, clipping, averages, and what they refuse. */
import { describe, expect, it } from "vitest";
import { init, Linear, memoryUsage, Module, parameter, rand, scope, Tensor } from "../../ts/entry/default.js";
import {
  Adam,
  AdamW,
  clipGradNorm,
  clipGradValue,
  decayGroups,
  ExponentialMovingAverage,
  layerwiseLr,
  mseLoss,
  type Optimizer,
  SGD,
} from "../../ts/entry/train.js";
import { forEachArithmetic } from "../support/arithmetics.js";
import { expectThrows } from "../support/expect-error.js";
import { expectThrowsWithoutLeak, withoutLeak } from "../support/without-leak.js";

function leaf(...data: number[]): Tensor<"float32"> {
  const tensor = Tensor.from(Float32Array.from(data));
  tensor.requiresGrad = true;
  return tensor;
}

/** Makes the gradient of a leaf this one. */
function setGradient(tensor: Tensor, gradient: readonly number[]): void {
  tensor.zeroGrad();
  scope(() => tensor.reshape([-1]).backward(Tensor.from(Float32Array.from(gradient))));
}

const numbersOf = (tensor: Tensor | null): number[] => Array.from<number>(tensor?.toArray() ?? []);

function expectClose(actual: Iterable<number>, expected: Iterable<number>, digits = 6): void {
  const [values, truth] = [Array.from(actual), Array.from(expected)];
  expect(values.length).toBe(truth.length);
  values.forEach((value, index) => expect(value).toBeCloseTo(truth[index], digits));
}

/** Steps by gradients, one after the other. */
function train(optimizer: Optimizer, tensor: Tensor, gradients: readonly (readonly number[])[]): void {
  for (const gradient of gradients) {
    setGradient(tensor, gradient);
    optimizer.step();
  }
}

const gradients = [
  [0.5, -1, 2],
  [0.25, 3, -1],
  [0, 0, 0],
  [-2, 1, 0.125],
];

/** Adam by its paper's formulas, in float64, of one parameter. */
function adam(
  p: number,
  slopes: readonly number[],
  lr: number,
  decay: number,
  isDecoupled: boolean,
  amsgrad: boolean,
): number {
  let [m, v, most] = [0, 0, 0];
  slopes.forEach((slope, index) => {
    const t = index + 1;
    const g = isDecoupled ? slope : slope + decay * p;
    if (isDecoupled) p -= lr * decay * p;
    m = 0.9 * m + 0.1 * g;
    v = 0.999 * v + 0.001 * g * g;
    most = Math.max(most, v);
    const corrected = (amsgrad ? most : v) / (1 - 0.999 ** t);
    p -= (lr * (m / (1 - 0.9 ** t))) / (Math.sqrt(corrected) + 1e-8);
  });
  return p;
}

forEachArithmetic(() => {
  describe("steps", () => {
    it("of AdamW are as worked out by hand", () => {
      withoutLeak(() => {
        const p = leaf(1, -2);
        const optimizer = new AdamW([p], { lr: 0.1, weightDecay: 0.1 });
        for (const [gradient, expected] of [
          [
            [0.5, -1],
            [0.89, -1.88],
          ],
          [
            [0.25, 3],
            [0.787882, -1.910619],
          ],
          [
            [0, 0],
            [0.7079455, -1.9297138],
          ],
        ]) {
          train(optimizer, p, [gradient]);
          expectClose(numbersOf(p), expected);
        }
        optimizer.dispose();
      });
    });

    it("of Adam and AdamW follow their papers", () => {
      withoutLeak(() => {
        for (const isDecoupled of [true, false]) {
          for (const amsgrad of [true, false]) {
            const start = [1, -2, 0.5];
            const p = leaf(...start);
            const options = { lr: 0.05, weightDecay: 0.2, amsgrad };
            const optimizer = isDecoupled ? new AdamW([p], options) : new Adam([p], options);
            train(optimizer, p, gradients);
            const slopes = (index: number): number[] => gradients.map((gradient) => gradient[index]);
            expectClose(
              numbersOf(p),
              start.map((value, index) => adam(value, slopes(index), 0.05, 0.2, isDecoupled, amsgrad)),
              5,
            );
            optimizer.dispose();
          }
        }
      });
    });

    it("of SGD follow PyTorch's formulas", () => {
      withoutLeak(() => {
        for (const options of [
          {},
          { weightDecay: 0.3 },
          { momentum: 0.9 },
          { momentum: 0.5, dampening: 0.25 },
          { momentum: 0.9, nesterov: true, weightDecay: 0.1 },
        ]) {
          const { weightDecay = 0, momentum = 0, dampening = 0, nesterov = false } = options as Record<string, never>;
          const start = [1, -2, 0.5];
          const p = leaf(...start);
          const optimizer = new SGD([p], { lr: 0.1, ...options });
          train(optimizer, p, gradients);
          const expected = start.map((value, index) => {
            let buffer: number | undefined;
            for (const gradient of gradients) {
              const g = gradient[index] + weightDecay * value;
              buffer = buffer === undefined ? g : momentum * buffer + (1 - dampening) * g;
              value -= 0.1 * (momentum === 0 ? g : nesterov ? g + momentum * buffer : buffer);
            }
            return value;
          });
          expectClose(numbersOf(p), expected, 5);
          optimizer.dispose();
        }
      });
    });

    it("leave alone what has no gradient or is frozen, and step by a gradient of 0", () => {
      withoutLeak(() => {
        const [a, b, c] = [leaf(1), leaf(1), leaf(1)];
        setGradient(b, [1]);
        b.requiresGrad = false;
        setGradient(c, [0]);
        const optimizer = new AdamW([a, b, c], { lr: 0.5, weightDecay: 0.5 });
        optimizer.step();
        expect([a, b, c].map(numbersOf)).toEqual([[1], [1], [0.75]]);
        expect(Object.keys(optimizer.stateDict().state)).toEqual(["2"]);
        optimizer.zeroGrad();
        expect([a, b, c].map(({ grad }) => grad)).toEqual([null, null, null]);
        optimizer.dispose();
      });
    });

    it("make packed weights and graphs of before unusable", () => {
      withoutLeak(() => {
        const layer = new Linear(1, 1, { bias: false });
        layer.loadStateDict({ weight: { data: [2], shape: [1, 1] } });
        const forward = (): Tensor => layer.forward({ data: [3], shape: [1, 1] });
        expect(forward().item()).toBe(6);
        const old = mseLoss(layer.weight, { data: [0], shape: [1, 1] });
        setGradient(layer.weight, [1]);
        const optimizer = new SGD(layer.parameters(), { lr: 1 });
        optimizer.step();
        expect(forward().item()).toBe(3);
        expectThrows(() => old.backward(), TypeError, "ERR_INVALID_TYPE", /has been changed since/);
        optimizer.dispose();
        layer.dispose();
      });
    });

    it("have the learning rates of groups, times a factor", () => {
      withoutLeak(() => {
        const [a, b] = [leaf(1), leaf(1)];
        const optimizer = new SGD(
          [
            { parameters: [a], lr: 0.5 },
            { parameters: [b], weightDecay: 1 },
          ],
          { lr: 0.25 },
        );
        setGradient(a, [1]);
        setGradient(b, [1]);
        optimizer.lrFactor = 0.5;
        optimizer.step();
        expect([a, b].map(numbersOf)).toEqual([[0.75], [0.75]]);
        expect(optimizer.lr).toBe(0.5);
        optimizer.lr = 1;
        expect(optimizer.paramGroups.map(({ lr }) => lr)).toEqual([1, 1]);
        optimizer.paramGroups[1].lr = 0;
        optimizer.lrFactor = 1;
        optimizer.step();
        expect([a, b].map(numbersOf)).toEqual([[-0.25], [0.75]]);
        optimizer.dispose();
      });
    });
  });

  describe("the state", () => {
    it("has PyTorch's names, and goes on where it was", () => {
      withoutLeak(() => {
        const [whole, first, second] = [leaf(1, -2, 3), leaf(1, -2, 3), leaf(0, 0, 0)];
        const options = { lr: 0.1, amsgrad: true };
        const optimizers = [whole, first, second].map((p) => new AdamW([p], options));
        train(optimizers[0], whole, gradients);
        train(optimizers[1], first, gradients.slice(0, 2));
        const dict = optimizers[1].stateDict();
        expect(Object.keys(dict.state[0])).toEqual(["step", "exp_avg", "exp_avg_sq", "max_exp_avg_sq"]);
        expect(dict.state[0].step).toBe(2);
        expect(dict.param_groups).toEqual([
          { lr: 0.1, betas: [0.9, 0.999], eps: 1e-8, weight_decay: 0.01, amsgrad: true, params: [0] },
        ]);
        second.view().set(first.view());
        // Through JSON, with PyTorch's step, a tensor.
        const copy = JSON.parse(JSON.stringify(dict)) as typeof dict & { state: Record<string, { step: unknown }> };
        copy.state[0].step = { data: [2], shape: [] };
        optimizers[2].lr = 7;
        optimizers[2].loadStateDict(copy);
        expect(optimizers[2].lr).toBe(0.1);
        train(optimizers[2], second, gradients.slice(2));
        expect(numbersOf(second)).toEqual(numbersOf(whole));
        for (const optimizer of optimizers) optimizer.dispose();
      });
    });

    it("of SGD is its buffer, null before the first step in PyTorch", () => {
      withoutLeak(() => {
        const p = leaf(1);
        const optimizer = new SGD([p], { lr: 1, momentum: 0.5 });
        const groups = optimizer.stateDict().param_groups;
        optimizer.loadStateDict({ state: { 0: { momentum_buffer: null } }, param_groups: groups });
        train(optimizer, p, [[1], [1]]);
        expect(numbersOf(p)).toEqual([-1.5]);
        optimizer.loadStateDict({ state: { 0: { momentum_buffer: { data: [4], shape: [1] } } }, param_groups: groups });
        train(optimizer, p, [[1]]);
        expect(numbersOf(p)).toEqual([-4.5]);
        optimizer.dispose();
      });
    });

    it("is refused whole when something is wrong", () => {
      withoutLeak(() => {
        const p = leaf(1, 2);
        const optimizer = new Adam([p]);
        train(optimizer, p, [[1, 1]]);
        const { state, param_groups: groups } = optimizer.stateDict();
        const before = JSON.stringify({ state, groups });
        const load = (dict: unknown) => (): void => optimizer.loadStateDict(dict as never);
        const wrong = { data: [1], shape: [1] };
        expectThrowsWithoutLeak(load({ state }), TypeError, "ERR_INVALID_TYPE", /Adam.loadStateDict: dict: /);
        expectThrowsWithoutLeak(load(undefined), TypeError, "ERR_INVALID_TYPE", /dict: /);
        expectThrowsWithoutLeak(load({ state, param_groups: [] }), RangeError, "ERR_SHAPE", /1 groups/);
        expectThrowsWithoutLeak(
          load({ state, param_groups: [{ params: [] }] }),
          RangeError,
          "ERR_SHAPE",
          /1 parameters/,
        );
        const bad = [{ ...groups[0], lr: -1 }];
        expectThrowsWithoutLeak(load({ state, param_groups: bad }), RangeError, "ERR_INVALID_VALUE", /lr/);
        const other = { 0: { ...state[0], exp_avg_sq: wrong } };
        expectThrowsWithoutLeak(load({ state: other, param_groups: groups }), RangeError, "ERR_SHAPE", /exp_avg_sq/);
        expect(JSON.stringify({ state: optimizer.stateDict().state, groups })).toBe(before);
        optimizer.dispose();
      });
    });

    it("is the optimizer's: no scope frees it, dispose does", () => {
      withoutLeak(() => {
        const p = leaf(1);
        setGradient(p, [1]);
        const optimizer = new Adam([p]);
        const before = memoryUsage().bytesInUse;
        scope(() => optimizer.step());
        expect(memoryUsage().bytesInUse).toBeGreaterThan(before);
        optimizer.step();
        optimizer.dispose();
        optimizer.dispose();
        expect(memoryUsage().bytesInUse).toBe(before);
        expectThrows(() => optimizer.step(), TypeError, "ERR_DISPOSED", /Adam.step: this/);
        expectThrows(() => optimizer.stateDict(), TypeError, "ERR_DISPOSED", /Adam.stateDict/);
      });
    });
  });

  describe("clipping", () => {
    it("by the norm of all is as worked out by hand", () => {
      withoutLeak(() => {
        const [a, b, c] = [leaf(0, 0), leaf(0), leaf(0)];
        setGradient(a, [3, 4]);
        setGradient(b, [12]);
        expect(clipGradNorm([a, b, c], Infinity)).toBe(13);
        expect(clipGradNorm([a, b, c], 14)).toBe(13);
        expect(numbersOf(a.grad)).toEqual([3, 4]);
        expect(clipGradNorm([a, b, c], 1)).toBe(13);
        expectClose([...numbersOf(a.grad), ...numbersOf(b.grad)], [0.2307692, 0.3076923, 0.9230769]);
        expect(c.grad).toBe(null);
      });
    });

    it("adds squares that float32 has no room for, and passes on NaN and infinities", () => {
      withoutLeak(() => {
        const p = leaf(0, 0);
        const clipped = (...gradient: number[]): [number, number[]] => {
          setGradient(p, gradient);
          return [clipGradNorm([p], 1), numbersOf(p.grad)];
        };
        expect(clipped(2 ** 100, 0)).toEqual([2 ** 100, [1, 0]]);
        expect(clipped(NaN, 1)).toEqual([NaN, [NaN, NaN]]);
        expect(clipped(-Infinity, 1)).toEqual([Infinity, [NaN, 0]]);
        setGradient(p, [-3, NaN]);
        clipGradValue([p], 2);
        expect(numbersOf(p.grad)).toEqual([-2, NaN]);
      });
    });
  });

  it("groups by decay and by layer", () => {
    withoutLeak(() => {
      class Model extends Module {
        embedding = parameter(rand([3, 2]));
        layers = [new Linear(2, 2), new Linear(2, 2)];
        head = new Linear(2, 1);
      }
      const model = new Model();
      const groups = decayGroups(model, 0.1);
      expect(groups.map(({ weightDecay, parameters }) => [weightDecay, parameters.length])).toEqual([
        [0.1, 4],
        [0, 3],
      ]);
      const parts = layerwiseLr([[model.embedding], ...model.layers, model.head], { lr: 1, decay: 0.5 });
      expect(parts.map(({ lr, parameters }) => [lr, parameters.length])).toEqual([
        [0.125, 1],
        [0.25, 2],
        [0.5, 2],
        [1, 2],
      ]);
      const both = decayGroups(parts);
      expect(both.map(({ lr, weightDecay }) => [lr, weightDecay]).slice(0, 3)).toEqual([
        [0.125, 0.01],
        [0.25, 0.01],
        [0.25, 0],
      ]);
      const optimizer = new AdamW(both);
      expect(optimizer.paramGroups.length).toBe(7);
      // Tied to the embedding.
      const tied = layerwiseLr([[model.embedding], [model.embedding, model.head.bias as Tensor]], {
        lr: 1,
        decay: 0.5,
      });
      expect(tied.map(({ parameters }) => parameters.length)).toEqual([1, 1]);
      optimizer.dispose();
      model.dispose();
    });
  });

  it("averages parameters", () => {
    withoutLeak(() => {
      const p = leaf(1, 2);
      const average = scope(() => new ExponentialMovingAverage([p], { decay: 0.75 }));
      p.view().set([3, -2]);
      average.update();
      expect(numbersOf(average.averages[0])).toEqual([1.5, 1]);
      expect(average.averages[0].requiresGrad).toBe(false);
      average.swap();
      expect([numbersOf(p), numbersOf(average.averages[0])]).toEqual([
        [1.5, 1],
        [3, -2],
      ]);
      average.swap();
      expect([numbersOf(p), numbersOf(average.averages[0])]).toEqual([
        [3, -2],
        [1.5, 1],
      ]);
      average.dispose();
      expectThrows(() => average.update(), TypeError, "ERR_DISPOSED", /ExponentialMovingAverage.update/);
    });
  });

  it("refuse what doesn't fit", () => {
    withoutLeak(() => {
      const p = leaf(1);
      const computed = p.reshape([1]);
      const half = Tensor.from([1], undefined, "float16");
      const refusals: [() => unknown, typeof TypeError | typeof RangeError, string, RegExp][] = [
        [() => new AdamW([]), RangeError, "ERR_INVALID_VALUE", /AdamW: parameters: .*at least one/],
        [() => new AdamW([{ parameters: [] }]), RangeError, "ERR_INVALID_VALUE", /at least one/],
        [() => new SGD(p as never), TypeError, "ERR_INVALID_TYPE", /SGD: parameters: .*array/],
        [() => new SGD([computed]), TypeError, "ERR_INVALID_TYPE", /parameters\[0\]: .*leaves/],
        [() => new SGD([half]), TypeError, "ERR_INVALID_TYPE", /parameters\[0\]: .*float32/],
        [() => new SGD([1 as never]), TypeError, "ERR_INVALID_TYPE", /parameters\[0\]: .*Tensor/],
        [() => new SGD([p, p]), RangeError, "ERR_INVALID_VALUE", /parameters\[1\]: .*once/],
        [() => new SGD([{ parameters: [p] }, p] as never), TypeError, "ERR_INVALID_TYPE", /parameters\[1\]: .*group/],
        [
          () => new SGD([{ parameters: [p], weight_decay: 1 }] as never),
          TypeError,
          "ERR_INVALID_TYPE",
          /did you mean weightDecay/,
        ],
        [() => new SGD([{ parameters: [p], lr: -1 }]), RangeError, "ERR_INVALID_VALUE", /lr/],
        [() => new Adam([p], { lr: NaN }), RangeError, "ERR_INVALID_VALUE", /Adam: lr: .*NaN/],
        [() => new Adam([p], { lr: -1 }), RangeError, "ERR_INVALID_VALUE", /lr/],
        [() => new Adam([p], { lr: "1" as never }), TypeError, "ERR_INVALID_TYPE", /lr/],
        [() => new Adam([p], { betas: [0.9, 1] }), RangeError, "ERR_INVALID_VALUE", /betas\[1\]/],
        [() => new Adam([p], { betas: 0.9 as never }), TypeError, "ERR_INVALID_TYPE", /betas/],
        [() => new Adam([p], { eps: -1 }), RangeError, "ERR_INVALID_VALUE", /eps/],
        [() => new Adam([p], { weightDecay: -1 }), RangeError, "ERR_INVALID_VALUE", /weightDecay/],
        [() => new Adam([p], { weight_decay: 1 } as never), TypeError, "ERR_INVALID_TYPE", /did you mean weightDecay/],
        [() => new SGD([p], { nesterov: true }), RangeError, "ERR_INVALID_VALUE", /nesterov/],
        [() => clipGradNorm([p], NaN), RangeError, "ERR_INVALID_VALUE", /maxNorm/],
        [() => clipGradNorm([p], "1" as never), TypeError, "ERR_INVALID_TYPE", /maxNorm/],
        [() => clipGradNorm([], 1), RangeError, "ERR_INVALID_VALUE", /parameters/],
        [() => clipGradValue([p], -1), RangeError, "ERR_INVALID_VALUE", /clipValue/],
        [() => clipGradValue([computed], 1), TypeError, "ERR_INVALID_TYPE", /leaves/],
        [() => decayGroups([], 1), RangeError, "ERR_INVALID_VALUE", /parameters/],
        [() => decayGroups([p], -1), RangeError, "ERR_INVALID_VALUE", /weightDecay/],
        [() => layerwiseLr(p as never, { lr: 1, decay: 1 }), TypeError, "ERR_INVALID_TYPE", /parts/],
        [() => layerwiseLr([[p]], { lr: 1 } as never), TypeError, "ERR_INVALID_TYPE", /decay/],
        [() => new ExponentialMovingAverage([p], { decay: 2 }), RangeError, "ERR_INVALID_VALUE", /decay/],
      ];
      for (const [call, kind, code, message] of refusals) expectThrowsWithoutLeak(call, kind, code as never, message);
      const optimizer = new SGD([p]);
      expectThrows(() => (optimizer.lr = NaN), RangeError, "ERR_INVALID_VALUE", /SGD.lr/);
      optimizer.paramGroups[0].lr = -1;
      expectThrows(() => optimizer.step(), RangeError, "ERR_INVALID_VALUE", /SGD.step: lr/);
      p.dispose();
      optimizer.lr = 1;
      expectThrows(() => optimizer.step(), TypeError, "ERR_DISPOSED", /SGD.step: parameter/);
    });
  });
});

it("a step without memory changes nothing", async () => {
  const runtime = await init({ maximumMemory: 4 * 2 ** 20 });
  try {
    const [a, b] = [leaf(1, 2), Tensor.from(new Float32Array(100_000))];
    b.requiresGrad = true;
    setGradient(a, [1, 1]);
    setGradient(b, new Array<number>(100_000).fill(1));
    const optimizer = new AdamW([a, b], { lr: 1 });
    const ballast: Tensor[] = [];
    try {
      for (;;) ballast.push(Tensor.from(new Float32Array(20_000)));
    } catch {
      // Full.
    }
    const before = memoryUsage().bytesInUse;
    expectThrows(() => optimizer.step(), RangeError, "ERR_OUT_OF_MEMORY", /AdamW.step/);
    expect(memoryUsage().bytesInUse).toBe(before);
    expect(numbersOf(a)).toEqual([1, 2]);
    expect(optimizer.stateDict().state).toEqual({});
    for (const tensor of ballast) tensor.dispose();
    optimizer.step();
    expect(numbersOf(a)[0]).toBeLessThan(0.1);
    for (const item of [a, b, optimizer]) item.dispose();
    expect(memoryUsage().bytesInUse).toBe(0);
  } finally {
    runtime.dispose();
  }
});
