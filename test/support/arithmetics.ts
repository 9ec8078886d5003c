import { afterAll, beforeAll, beforeEach, describe, expect } from "vitest";
import { type Arithmetic, init, type Runtime } from "../../ts/entry/default.js";

/**
 * Registers tests once for each arithmetic, with a runtime of it that is disposed at the end. Where the host doesn't
 * fuse, those of fused arithmetic are skipped, and say so.
 */
export function forEachArithmetic(register: (arithmetic: Arithmetic) => void): void {
  for (const arithmetic of ["separate", "fused"] as const) {
    describe(`${arithmetic} arithmetic`, () => {
      let runtime: Runtime | undefined;
      beforeAll(async () => {
        // Where files share a process, an earlier one may have left a runtime of the other arithmetic.
        (await init()).dispose();
        runtime = await init({ deterministic: arithmetic === "separate" });
        if (arithmetic === "separate") expect(runtime.arithmetic).toBe("separate");
      });
      beforeEach((context) => {
        context.skip(
          runtime?.arithmetic !== arithmetic,
          "could not run: this host doesn't fuse (Node 20 needs --experimental-wasm-relaxed-simd)",
        );
      });
      afterAll(() => runtime?.dispose());
      register(arithmetic);
    });
  }
}
