/** Frameworks wrap what they are given in proxies, on which private members don't exist: tensors and layers work all the same. */
import { describe, expect, test } from "vitest";
import {
  embedding,
  keep,
  Linear,
  loadSafetensors,
  memoryUsage,
  mul,
  MultiheadAttention,
  saveSafetensors,
  scaledDotProductAttention,
  scope,
  SelfAttention,
  softmax,
  sum,
  Tensor,
} from "../../ts/entry/default.js";
import { backward, crossEntropy, noGrad, SGD } from "../../ts/entry/train.js";
import { forEachArithmetic } from "../support/arithmetics.js";
import { expectThrows } from "../support/expect-error.js";

/** As valtio's: what is read comes from the object itself, but `this` is the proxy. */
const shallow = <T extends object>(target: T): T => new Proxy(target, {});

/** As Vue's: plain objects that are read are wrapped as well, where the language lets a proxy give another value. */
const deep = <T extends object>(target: T): T =>
  new Proxy(target, {
    get(object, key, receiver) {
      const value: unknown = Reflect.get(object, key, receiver);
      const property = Reflect.getOwnPropertyDescriptor(object, key);
      const isFixed = property?.configurable === false && property.writable === false;
      const isPlain = Object.prototype.toString.call(value) === "[object Object]";
      return isPlain && !isFixed ? deep(value as object) : value;
    },
  });

const proxies = [
  ["a proxy that changes nothing", shallow],
  ["a proxy that wraps all it gives", deep],
] as const;

/** A layer as users write it. */
class Scaled extends Linear {
  factor = 2;

  twice(input: Tensor): Tensor[] {
    return Array.from({ length: this.factor }, () => this.forward(input));
  }
}

forEachArithmetic(() => {
  describe.each(proxies)("%s", (_, wrap) => {
    test("of a tensor whose gradient is asked for", () => {
      const { bytesInUse } = memoryUsage();
      const tensor = Tensor.from([1, 2]);
      const proxy = wrap(tensor);
      proxy.requiresGrad = true;
      expect([proxy.requiresGrad, tensor.requiresGrad, proxy.grad]).toEqual([true, true, null]);
      scope(() => {
        expect(noGrad(() => proxy.reshape([2, 1])).requiresGrad).toBe(false);
        const flat = wrap(wrap(mul(proxy, proxy)).reshape([2, 1]));
        flat.retainGrad();
        const output = wrap(sum(flat));
        output.backward(wrap(Tensor.from(Float32Array.of(1), [])), { retainGraph: true });
        // The derivative of x² is 2x, each time.
        expect([tensor.grad?.toNested(), flat.grad?.toNested()]).toEqual([
          [2, 4],
          [[1], [1]],
        ]);
        backward([output], [wrap(Tensor.from(Float32Array.of(1), []))]);
        expect(proxy.grad?.toNested()).toEqual([4, 8]);
        expect(wrap(proxy.detach()).requiresGrad).toBe(false);
      });
      proxy.zeroGrad();
      expect(tensor.grad).toBe(null);
      proxy.requiresGrad = false;
      expect(tensor.requiresGrad).toBe(false);
      proxy.dispose();
      expect(memoryUsage().bytesInUse).toBe(bytesInUse);
    });

    test("of a layer that learns", () => {
      const { bytesInUse } = memoryUsage();
      const step = (wrapped: <T extends object>(target: T) => T): number[] =>
        scope(() => {
          const layer = new Linear(2, 2);
          layer.loadStateDict({
            weight: { data: [1, 2, 3, 4], shape: [2, 2] },
            bias: { data: [0.5, -0.5], shape: [2] },
          });
          const proxy = wrapped(layer);
          proxy.requiresGrad(false, /bias/);
          const optimizer = wrapped(new SGD(wrapped(proxy.parameters().map(wrapped)), { lr: 1, momentum: 0.5 }));
          for (const target of [0, 1]) {
            const loss = wrapped(crossEntropy(proxy.forward(wrapped(Tensor.from([[1, -1]]))), [target]));
            loss.backward();
            optimizer.step();
            proxy.zeroGrad();
          }
          expect(layer.bias?.toNested()).toEqual([0.5, -0.5]);
          const learned = Array.from(layer.weight.toArray());
          optimizer.dispose();
          proxy.dispose();
          return learned;
        });
      const learned = step(wrap);
      expect(learned).not.toEqual([1, 2, 3, 4]);
      expect(learned).toEqual(step((target) => target));
      expect(memoryUsage().bytesInUse).toBe(bytesInUse);
    });

    test("of a tensor", () => {
      const { bytesInUse } = memoryUsage();
      const tensor = Tensor.from([[1, 2]]);
      const proxy = wrap(tensor);
      expect([proxy.toArray(), proxy.data, proxy.view()]).toEqual(Array(3).fill(new Float32Array([1, 2])));
      expect([proxy.toNested(), proxy.disposed, String(proxy)]).toEqual([[[1, 2]], false, String(tensor)]);
      const softened = softmax(proxy);
      const copy = proxy.to("float16");
      const flat = proxy.reshape([2]);
      const { output } = scaledDotProductAttention(proxy, proxy, proxy);
      const rows = embedding([0], proxy);
      expect([...output.toArray()]).toEqual([1, 2]);
      expect(keep(proxy)).toBe(proxy);
      const { tensors } = loadSafetensors(saveSafetensors({ proxy }));
      expect(tensors.get("proxy")).toEqual(tensor);
      for (const made of [softened, copy, flat, output, rows, ...tensors.values()]) made.dispose();
      proxy.dispose();
      expect(tensor.disposed).toBe(true);
      expectThrows(() => softmax(proxy), TypeError, "ERR_DISPOSED", /^softmax: input: the Tensor float32 \[1, 2\] has/);
      expect(memoryUsage().bytesInUse).toBe(bytesInUse);
    });

    test("of a tensor that a scope returns, or that was made outside of it", () => {
      const { bytesInUse } = memoryUsage();
      const outer = Tensor.from([1]);
      const { inner } = scope(() => ({ inner: wrap(Tensor.from([2])), outer: wrap(outer) }));
      expect([inner.disposed, outer.disposed]).toEqual([false, false]);
      inner.dispose();
      outer.dispose();
      expect(memoryUsage().bytesInUse).toBe(bytesInUse);
    });

    test("of a layer", () => {
      const { bytesInUse } = memoryUsage();
      const layer = new Linear(2, 1);
      const proxy = wrap(layer);
      layer.loadStateDict({ weight: { data: [3, 4], shape: [1, 2] }, bias: { data: [5], shape: [1] } });
      const input = Tensor.from([[1, 2]]);
      const before = proxy.forward(wrap(input));
      expect(before.item()).toBe(16);
      proxy.loadStateDict({ weight: { data: [1, 1], shape: [1, 2] }, bias: { data: [0], shape: [1] } });
      const after = proxy.forward(input);
      expect(after.item()).toBe(3);
      expectThrows(
        () => proxy.loadStateDict({ "layer.weight": layer.weight, "layer.bias": layer.bias as Tensor }),
        RangeError,
        "ERR_INVALID_VALUE",
        /^Linear\.loadStateDict: dict: every name begins with "layer\."/,
      );
      expect([proxy.eval().training, layer.training, proxy.train().training]).toEqual([false, false, true]);
      expect(Object.keys(proxy.stateDict())).toEqual(["weight", "bias"]);
      expect(proxy.parameters()).toHaveLength(2);
      expect([proxy.inFeatures, proxy.weight.shape, proxy.disposed]).toEqual([2, [1, 2], false]);
      for (const made of [input, before, after]) made.dispose();
      proxy.dispose();
      expect(layer.disposed).toBe(true);
      expectThrows(
        () => proxy.forward(input),
        TypeError,
        "ERR_DISPOSED",
        /^Linear\.forward: this: the Linear has been/,
      );
      expect(memoryUsage().bytesInUse).toBe(bytesInUse);
    });

    test("of attention layers", () => {
      scope(() => {
        const x = Tensor.from([[[1, 2]]]);
        for (const layer of [
          new SelfAttention(2, 1, { addBiasKv: true, rotary: true }),
          new SelfAttention(2, 1, { dropout: 0.5 }),
        ]) {
          const { output } = layer.forward(x, { seed: 1 });
          expect(wrap(layer).forward(wrap(x), { seed: 1 }).output.toArray()).toEqual(output.toArray());
          wrap(layer).dispose();
        }
        const layer = new MultiheadAttention(2, 1, { batchFirst: true, kdim: 1, vdim: 1 });
        const key = Tensor.from([[[1]]]);
        expect(wrap(layer).forward(x, key, key).output.toArray()).toEqual(layer.forward(x, key, key).output.toArray());
        wrap(layer).dispose();
        expect(layer.disposed).toBe(true);
      });
    });

    test("of a user's layer", () => {
      scope(() => {
        const layer = new Scaled(2, 1);
        const x = Tensor.from([[1, 2]]);
        expect(wrap(layer).twice(x)).toEqual(layer.twice(x));
        layer.dispose();
      });
    });
  });
});
