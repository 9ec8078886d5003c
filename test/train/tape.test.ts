/** The tape: what is recorded, what `backward` leaves, what it refuses, and that no memory stays. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  init,
  Linear,
  memoryUsage,
  Module,
  parameter,
  type Runtime,
  scaledDotProductAttention,
  scope,
  Tensor,
} from "../../ts/entry/default.js";
import { backward, checkpoint, noGrad } from "../../ts/entry/train.js";
import { leaf } from "../support/leaf.js";
import { expectThrowsWithoutLeak, withoutLeak } from "../support/without-leak.js";

let runtime: Runtime;
beforeAll(async () => {
  runtime = await init();
});
afterAll(() => runtime.dispose());

describe("gradients", () => {
  it("flow through reshape and to, and add up", () => {
    withoutLeak(() => {
      const x = leaf([1, 2, 3, 4]);
      const output = x.reshape([2, 2]).to("float16").reshape([4]);
      expect(output.requiresGrad).toBe(true);
      const gradient = Tensor.from([1, 2, 3, 4]);
      output.backward(gradient, { retainGraph: true });
      expect(x.grad?.toNested()).toEqual([1, 2, 3, 4]);
      output.backward(gradient);
      expect(x.grad?.toNested()).toEqual([2, 4, 6, 8]);
      expect(gradient.toNested()).toEqual([1, 2, 3, 4]);
      x.zeroGrad();
      expect(x.grad).toBe(null);
    });
  });

  it("of several outputs arrive in one pass", () => {
    withoutLeak(() => {
      const x = leaf([5]);
      const [a, b] = [x.reshape([1, 1]), x.reshape([])];
      backward([a, b], [undefined, Tensor.from({ data: [2], shape: [] })]);
      expect(x.grad?.toNested()).toEqual([3]);
    });
  });

  it("are kept by results only after retainGrad, and then add up too", () => {
    withoutLeak(() => {
      const x = leaf([1, 2]);
      const kept = x.reshape([2, 1]);
      kept.retainGrad();
      const other = kept.reshape([1, 2]);
      const output = other.reshape([2]);
      output.backward(Tensor.from([3, 4]), { retainGraph: true });
      output.backward(Tensor.from([10, 20]));
      expect(kept.grad?.toNested()).toEqual([[13], [24]]);
      expect(other.grad).toBe(null);
      expect(x.grad?.toNested()).toEqual([13, 24]);
    });
  });

  it("of a leaf that is an output itself are what is given", () => {
    withoutLeak(() => {
      const x = leaf([1]);
      x.backward();
      expect(x.grad?.toNested()).toEqual([1]);
    });
  });

  it("don't flow through detach, int32, bool, noGrad, or to what requires none", () => {
    withoutLeak(() => {
      const [x, other] = [leaf([1, 2]), Tensor.from([3, 4])];
      expect(x.detach().requiresGrad).toBe(false);
      expect(x.to("int32").requiresGrad).toBe(false);
      expect(x.to("bool").requiresGrad).toBe(false);
      expect(noGrad(() => x.reshape([2, 1])).requiresGrad).toBe(false);
      expect(other.reshape([2, 1]).requiresGrad).toBe(false);
      const { output } = scaledDotProductAttention(x.reshape([2, 1]), other.reshape([2, 1]), other.reshape([2, 1]));
      output.backward(Tensor.from([[1], [1]]));
      expect(other.grad).toBe(null);
      expect(x.grad?.shape).toEqual([2]);
    });
  });

  it("of leaves that were disposed go nowhere", () => {
    withoutLeak(() => {
      const [x, y] = [leaf([1, 2]), leaf([3, 4])];
      const { output } = scaledDotProductAttention(x.reshape([2, 1]), y.reshape([2, 1]), y.reshape([2, 1]));
      x.dispose();
      output.backward(Tensor.from([[1], [1]]));
      expect(y.grad?.shape).toEqual([2]);
    });
  });
});

describe("parameters", () => {
  it("require gradients from birth, until they are frozen", () => {
    withoutLeak(() => {
      class Two extends Module {
        first = new Linear(2, 2);
        second = new Linear(2, 1);
        scale = parameter(Tensor.from(Float32Array.of(1)));
      }
      const model = new Two();
      const frozen = (): string[] =>
        Array.from(model.namedParameters()).flatMap(([name, { requiresGrad }]) => (requiresGrad ? [] : [name]));
      expect(frozen()).toEqual([]);
      model.requiresGrad(false, /^first/g).requiresGrad(false, /bias$/);
      expect(frozen()).toEqual(["first.weight", "first.bias", "second.bias"]);
      model.requiresGrad(true);
      expect(frozen()).toEqual([]);
      model.scale.requiresGrad = false;
      expect(frozen()).toEqual(["scale"]);
      expectThrowsWithoutLeak(() => model.requiresGrad(1 as never), TypeError, "ERR_INVALID_TYPE", /value/);
      expectThrowsWithoutLeak(
        () => model.requiresGrad(true, "bias" as never),
        TypeError,
        "ERR_INVALID_TYPE",
        /pattern/,
      );
      model.dispose();
    });
  });

  it("lose their gradients by zeroGrad and with the module", () => {
    withoutLeak(() => {
      const layer = new Linear(2, 1);
      const before = memoryUsage().bytesInUse;
      scope(() => layer.forward(Tensor.from([1, 2])).backward());
      expect(layer.weight.grad?.toNested()).toEqual([[1, 2]]);
      expect(layer.bias?.grad?.toNested()).toEqual([1]);
      layer.zeroGrad();
      layer.dropPackedWeights();
      expect(layer.weight.grad).toBe(null);
      expect(memoryUsage().bytesInUse).toBe(before);
      scope(() => layer.forward(Tensor.from([1, 2])).backward());
      layer.dispose();
    });
  });
});

describe("memory", () => {
  it("is held by the graph alone, whatever scopes free", () => {
    withoutLeak(() => {
      const x = leaf([1, 2, 3, 4], [4, 1]);
      const output = scope(() => {
        const [q, k] = [x.reshape([4, 1]), x.reshape([4, 1])];
        return scaledDotProductAttention(q, k, k).output.reshape([4]);
      });
      output.backward(Tensor.from([1, 0, 0, 0]));
      expect(x.grad?.shape).toEqual([4, 1]);
    });
  });

  it("comes back when a backward has run, and when the last result is disposed", () => {
    withoutLeak(() => {
      const x = leaf([1, 2, 3, 4], [4, 1]);
      const before = memoryUsage().bytesInUse;
      const run = (): Tensor => scope(() => scaledDotProductAttention(x, x, x).output);
      const first = run();
      // Besides the result, the two numbers of each row.
      expect(memoryUsage().bytesInUse).toBe(before + 16 + 32);
      first.dispose();
      expect(memoryUsage().bytesInUse).toBe(before);
      const second = run();
      scope(() => second.backward(Tensor.from([[1], [1], [1], [1]])));
      x.zeroGrad();
      second.dispose();
      expect(memoryUsage().bytesInUse).toBe(before);
    });
  });
});

describe("checkpoint", () => {
  const shape = [1, 2, 9, 4];
  const run = (x: Tensor, dropoutP: number): Tensor =>
    scaledDotProductAttention(x, x, x, { isCausal: true, dropoutP, seed: 3 }).output;

  it("changes no bit, and keeps less", () => {
    withoutLeak(() => {
      const data = Array.from({ length: 72 }, (_, n) => Math.fround((n % 13) / 7 - 1));
      const gradient = Tensor.from(Float32Array.from(data).reverse(), shape);
      const gradients = [false, true].map((checkpointed) => {
        const x = leaf(data, shape);
        const before = memoryUsage().bytesInUse;
        const twice = (input: Tensor): Tensor => run(run(input, 0.5), 0.2);
        const output = scope(() => (checkpointed ? checkpoint(twice, x) : twice(x)));
        const kept = memoryUsage().bytesInUse - before;
        // x is also used outside.
        const { output: all } = scaledDotProductAttention(output, x, x);
        all.backward(gradient);
        return { grad: x.grad?.toArray(), kept };
      });
      expect(gradients[1].grad).toEqual(gradients[0].grad);
      expect(gradients[1].kept).toBeLessThan(gradients[0].kept);
    });
  });

  it("reaches parameters that the function holds, and inputs that need nothing cost nothing", () => {
    withoutLeak(() => {
      const layer = new Linear(2, 2);
      const x = Tensor.from([[1, 2]]);
      const output = checkpoint((input: Tensor) => ({ y: layer.forward(input), same: input }), x);
      expect([output.y.requiresGrad, output.same.requiresGrad]).toEqual([true, true]);
      output.y.backward(Tensor.from([[1, 1]]));
      expect(layer.weight.grad?.toNested()).toEqual([
        [1, 2],
        [1, 2],
      ]);
      expect(checkpoint((input: Tensor) => input.reshape([2]), x).requiresGrad).toBe(false);
      layer.dispose();
    });
  });
});

describe("refused", () => {
  const one = (): Tensor => Tensor.from([1]);

  it("requiresGrad of what is no leaf, no float, no boolean", () => {
    withoutLeak(() => {
      const x = leaf([1]);
      const set = (tensor: Tensor, value: unknown) => () => {
        tensor.requiresGrad = value as boolean;
      };
      const result = x.reshape([1, 1]);
      expectThrowsWithoutLeak(set(result, false), TypeError, "ERR_INVALID_TYPE", /requiresGrad: this: .*detach/);
      const ids = Tensor.from(Int32Array.of(1));
      expectThrowsWithoutLeak(
        set(ids, true),
        TypeError,
        "ERR_INVALID_TYPE",
        /float32, float16 or bfloat16, got "int32"/,
      );
      expectThrowsWithoutLeak(set(x, 1), TypeError, "ERR_INVALID_TYPE", /value: .*got 1/);
      ids.requiresGrad = false;
      expect(() => one().retainGrad()).toThrow(/requires no gradients/);
    });
  });

  it("backward of what requires nothing, of many elements, with a wrong gradient", () => {
    withoutLeak(() => {
      const x = leaf([1, 2]);
      const output = x.reshape([2, 1]);
      const [plain, short] = [one(), one()];
      const refuse = (
        call: () => unknown,
        kind: typeof TypeError | typeof RangeError,
        code: never,
        text: RegExp,
      ): void => {
        expectThrowsWithoutLeak(call, kind, code, text);
        expect(x.grad).toBe(null);
      };
      const invalid = "ERR_INVALID_TYPE" as never;
      refuse(() => plain.backward(), TypeError, invalid, /^Tensor.backward: this: requires no gradients/);
      refuse(() => output.backward(), RangeError, "ERR_SHAPE" as never, /gradient: expected one, .*got \[2, 1\]/);
      refuse(() => output.backward(short), RangeError, "ERR_SHAPE" as never, /gradient: .*\[2, 1\].*got \[1\]/);
      refuse(() => output.backward({} as never), TypeError, invalid, /gradient: expected a Tensor/);
      const ids = Tensor.from(Int32Array.of(1, 2), [2, 1]);
      refuse(() => output.backward(ids), TypeError, invalid, /gradient: .*got "int32"/);
      refuse(() => output.backward(undefined, { keep: true } as never), TypeError, invalid, /unknown option "keep"/);
      refuse(() => backward(output as never), TypeError, invalid, /outputs: expected an array/);
      refuse(() => backward([1 as never]), TypeError, invalid, /output: expected a Tensor, got 1/);
      refuse(() => backward([output], []), RangeError, "ERR_SHAPE" as never, /gradients: expected 1, one for each/);
      const gradient = Tensor.from([[1], [1]]);
      gradient.dispose();
      refuse(() => output.backward(gradient), TypeError, "ERR_DISPOSED" as never, /gradient: .*disposed/);
      output.backward(Tensor.from([[1], [1]]));
      expect(x.grad?.toNested()).toEqual([1, 1]);
    });
  });

  it("a second backward, and one after a saved tensor was changed", () => {
    withoutLeak(() => {
      const layer = new Linear(2, 1);
      const x = leaf([1, 2]);
      const output = layer.forward(x);
      output.backward();
      const again = expectThrowsWithoutLeak(
        () => output.backward(),
        TypeError,
        "ERR_INVALID_TYPE",
        /freed by an earlier/,
      );
      expect(String(again)).toContain("retainGraph");
      const next = layer.forward(x);
      layer.loadStateDict({ weight: { data: [5, 6], shape: [1, 2] }, bias: { data: [0], shape: [1] } });
      expectThrowsWithoutLeak(() => next.backward(), TypeError, "ERR_INVALID_TYPE", /linear has saved.*changed since/);
      layer.forward(x).backward();
      layer.dispose();
    });
  });

  it("functions that are none or return promises", () => {
    expect(() => noGrad(1 as never)).toThrow(TypeError);
    expect(() => noGrad(async () => {})).toThrow(/promise/);
    expect(() => checkpoint(1 as never)).toThrow(TypeError);
    expect(() => checkpoint(() => 1 as never)).toThrow(/returns tensors/);
  });
});

it("a backward that runs out of memory changes no gradient, and a smaller one works", async () => {
  runtime.dispose();
  runtime = await init({ maximumMemory: 6 * 2 ** 20 });
  const large = Tensor.from(new Float32Array(2 ** 18), [1, 1, 2 ** 12, 64]);
  large.requiresGrad = true;
  const small = leaf([1, 2]);
  const { output } = scaledDotProductAttention(large, large, large, { leftWindowSize: 1, rightWindowSize: 0 });
  const before = memoryUsage().bytesInUse;
  const gradient = Tensor.from(new Float32Array(2 ** 18), output.shape);
  expect(() => backward([small.reshape([2, 1]), output], [Tensor.from([[1], [1]]), gradient])).toThrow(/out of memory/);
  expect([large.grad, small.grad]).toEqual([null, null]);
  output.dispose();
  gradient.dispose();
  expect(memoryUsage().bytesInUse).toBeLessThan(before);
  small.reshape([1, 2]).backward(Tensor.from([[1, 1]]));
  expect(small.grad?.toNested()).toEqual([1, 1]);
});
