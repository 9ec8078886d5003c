/** Without an import of "wasm-attention/train" nothing is recorded, and what needs the tape names that import. */
import { afterAll, beforeAll, expect, it, test } from "vitest";
import {
  add,
  init,
  Linear,
  mul,
  type Runtime,
  scaledDotProductAttention,
  SelfAttention,
  sum,
  Tensor,
} from "../../ts/entry/default.js";
// Were this a test for every runtime, its neighbours' imports would have installed the tape.
import { trackOf } from "../../ts/tensor/tensor.js";
import { expectThrowsWithoutLeak, withoutLeak } from "../support/without-leak.js";

let runtime: Runtime;
beforeAll(async () => {
  runtime = await init();
});
afterAll(() => runtime.dispose());

const named = (method: string): RegExp =>
  new RegExp(`^Tensor\\.${method}: this: .*: import "wasm-attention/train" first$`);

test.each<[string, (tensor: Tensor) => void]>([
  ["requiresGrad", (tensor) => (tensor.requiresGrad = true)],
  ["backward", (tensor) => tensor.backward()],
  ["retainGrad", (tensor) => tensor.retainGrad()],
])("%s is refused, of a plain tensor, of a parameter and of what is computed from one", (method, act) => {
  withoutLeak(() => {
    const layer = new Linear(1, 1);
    const plain = Tensor.from([1]);
    for (const tensor of [plain, layer.weight, layer.forward(plain)]) {
      const before = [tensor.requiresGrad, tensor.grad];
      expectThrowsWithoutLeak(() => act(tensor), TypeError, "ERR_INVALID_TYPE", named(method));
      expect([tensor.requiresGrad, tensor.grad]).toEqual(before);
    }
    layer.dispose();
  });
});

it("requiresGrad is true of parameters, and can be set to false of anything", () => {
  withoutLeak(() => {
    const layer = new Linear(2, 1);
    const plain = Tensor.from([1]);
    expect([plain, ...layer.parameters()].map(({ requiresGrad }) => requiresGrad)).toEqual([false, true, true]);
    plain.requiresGrad = false;
    layer.weight.requiresGrad = false;
    expect([plain, ...layer.parameters()].map(({ requiresGrad }) => requiresGrad)).toEqual([false, false, true]);
    expect([plain.grad, layer.weight.grad]).toEqual([null, null]);
    plain.zeroGrad();
    layer.weight.zeroGrad();
    layer.dispose();
  });
});

it("a module's requiresGrad and zeroGrad work", () => {
  withoutLeak(() => {
    const layer = new Linear(2, 1);
    const flags = (): boolean[] => layer.parameters().map(({ requiresGrad }) => requiresGrad);
    expect(layer.requiresGrad(false)).toBe(layer);
    expect(flags()).toEqual([false, false]);
    layer.requiresGrad(true, /bias$/);
    expect(flags()).toEqual([false, true]);
    layer.requiresGrad(true);
    expect(flags()).toEqual([true, true]);
    layer.zeroGrad();
    layer.dispose();
  });
});

it("operations on parameters record nothing", () => {
  withoutLeak(() => {
    const layer = new Linear(2, 2, { activation: "relu" });
    const attention = new SelfAttention(2, 1);
    const x = Tensor.from([[1, 2]]);
    const { weight } = layer;
    const results: Tensor[] = [
      layer.forward(x),
      attention.forward(x).output,
      scaledDotProductAttention(weight, weight, weight).output,
      add(weight, weight),
      mul(weight, x),
      sum(weight),
      weight.reshape([4]),
      weight.to("float16"),
      weight.detach(),
    ];
    expect(results.map(({ requiresGrad }) => requiresGrad)).toEqual(results.map(() => false));
    expect(results.map(trackOf)).toEqual(results.map(() => undefined));
    layer.dispose();
    attention.dispose();
  });
});
