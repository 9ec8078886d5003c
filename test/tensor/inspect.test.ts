import { inspect } from "node:util";
import { expect, test } from "vitest";
import { init, Tensor } from "../../ts/entry/default.js";

test("Node shows a tensor as its text", async () => {
  const runtime = await init();
  const tensor = Tensor.from([1, 2]);
  expect(inspect(tensor)).toBe("Tensor float32 [2] [1, 2]");
  expect(inspect([tensor])).toBe("[ Tensor float32 [2] [1, 2] ]");
  runtime.dispose();
  expect(inspect(tensor)).toBe("Tensor float32 [2] (disposed)");
});
