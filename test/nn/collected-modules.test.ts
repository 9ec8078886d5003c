/** What nobody can dispose any more, as the parts of a module whose constructor threw, the garbage collector gives back. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, it } from "vitest";
import { init, Linear, memoryUsage, Module, parameter, rand, scope } from "../../ts/entry/default.js";
import { expectThrows } from "../support/expect-error.js";

class Half extends Module {
  readonly first = new Linear(4, 4);
  readonly output = scope(() => void this.first.forward(rand([4])));
  readonly scale = parameter(rand([64]));
  readonly bad = new Linear(4, 0);
}

it("a constructor that throws half way leaves its parts to the collector", async () => {
  const runtime = await init();
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  const before = memoryUsage().bytesInUse;
  scope(() => expectThrows(() => new Half(), RangeError, "ERR_INVALID_VALUE", /^Linear: outFeatures/));
  // The weight, the bias, the packed weight and the parameter.
  expect(memoryUsage().bytesInUse).toBeGreaterThan(before + 4 * (16 + 4 + 32 + 64) - 1);
  for (let attempt = 0; attempt < 100 && memoryUsage().bytesInUse > before; attempt++) {
    collect();
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  expect(memoryUsage().bytesInUse).toBe(before);
  runtime.dispose();
});
