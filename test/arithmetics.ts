import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Arithmetic, init, type Runtime } from "../ts/entry/default.js";
import { hostFuses } from "../ts/runtime/fusion-probe.js";

/**
 * Registers tests once for each arithmetic, with a runtime of it that is disposed at the end. Where the host doesn't
 * fuse, one skipped test says so.
 */
export function forEachArithmetic(register: (arithmetic: Arithmetic) => void): void {
  for (const arithmetic of ["separate", "fused"] as const) {
    describe(`${arithmetic} arithmetic`, () => {
      if (arithmetic === "fused" && !hostFuses()) {
        test.skip("could not run: this host doesn't fuse (Node 20 needs --experimental-wasm-relaxed-simd)");
        return;
      }
      let runtime: Runtime | undefined;
      beforeAll(async () => {
        runtime = await init({ deterministic: arithmetic === "separate" });
        expect(runtime.arithmetic).toBe(arithmetic);
      });
      afterAll(() => runtime?.dispose());
      register(arithmetic);
    });
  }
}
