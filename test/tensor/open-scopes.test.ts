import { expect, test } from "vitest";
import { init, Tensor } from "../../ts/entry/default.js";
import { closeScope, openScope } from "../../ts/tensor/open-scopes.js";

test("a scope lets go of what was disposed, so that a long one doesn't gather it", async () => {
  const runtime = await init();
  const members = openScope();
  const tensor = Tensor.from([1]);
  expect(members.size).toBe(1);
  tensor.dispose();
  expect(members.size).toBe(0);
  closeScope(new Set());
  runtime.dispose();
});
