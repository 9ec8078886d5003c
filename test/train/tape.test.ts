/** The tape: what is recorded, what `backward` leaves, what it refuses, and that no memory stays. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { init, type Runtime, Tensor } from "../../ts/entry/default.js";
import { backward } from "../../ts/entry/train.js";
import { withoutLeak } from "../support/without-leak.js";

let runtime: Runtime;
beforeAll(async () => {
  runtime = await init();
});
afterAll(() => runtime.dispose());

/** A leaf that requires gradients. */
function leaf(data: number[], shape: readonly number[] = [data.length]): Tensor<"float32"> {
  const tensor = Tensor.from(Float32Array.from(data), shape);
  tensor.requiresGrad = true;
  return tensor;
}

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
});
