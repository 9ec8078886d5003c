/** What the gradients of broadcast operands have beside their values: operands that are the same tensor, constants, no tensors. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { add, cat, init, matmul, mul, narrow, type Runtime, sum, Tensor } from "../../ts/entry/default.js";
import "../../ts/entry/train.js";
import { leaf } from "../support/leaf.js";
import { withoutLeak } from "../support/without-leak.js";

let runtime: Runtime;
beforeAll(async () => {
  runtime = await init();
});
afterAll(() => runtime.dispose());

it("a tensor that is both operands gets both gradients", () => {
  withoutLeak(() => {
    const x = leaf([2, 3]);
    sum(mul(x, x)).backward();
    expect(x.grad?.toNested()).toEqual([4, 6]);
    x.zeroGrad();
    sum(add(x, x)).backward();
    expect(x.grad?.toNested()).toEqual([2, 2]);
    x.zeroGrad();
    sum(cat([x, x])).backward();
    expect(x.grad?.toNested()).toEqual([2, 2]);
    x.zeroGrad();
    matmul(x, x).backward();
    expect(x.grad?.toNested()).toEqual([4, 6]);
  });
});

it("the gradients of parts of a tensor add up", () => {
  withoutLeak(() => {
    const x = leaf([1, 2, 3, 4, 5, 6], [3, 2]);
    const parts = [narrow(x, 0, 0, 2), narrow(x, 0, 1, 2), narrow(x, 1, 1, 1)];
    sum(cat(parts.map((part) => part.reshape([-1])))).backward();
    expect(x.grad?.toNested()).toEqual([
      [1, 2],
      [2, 3],
      [1, 2],
    ]);
  });
});

it("arrays and numbers are constants", () => {
  withoutLeak(() => {
    const x = leaf([2, 3]);
    const product = mul({ data: [5, 7], shape: [2] }, add(1, mul(x, -2)));
    product.backward(Tensor.from([1, 10]));
    expect(x.grad?.toNested()).toEqual([-10, -140]);
    expect(mul({ data: [1], shape: [1] }, 2).requiresGrad).toBe(false);
  });
});
