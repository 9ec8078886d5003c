/** SelfAttention is MultiheadAttention over one input, batch first. */
import { describe, expect, it } from "vitest";
import {
  type AttentionForwardOptions,
  init,
  manualSeed,
  memoryUsage,
  MultiheadAttention,
  scope,
  SelfAttention,
  type SelfAttentionOptions,
  type TensorData,
} from "../../ts/entry/default.js";
import { forEachArithmetic } from "../support/arithmetics.js";
import { uniformGenerator } from "../cases/arbitraries.js";
import { expectThrows } from "../support/expect-error.js";

const draw = uniformGenerator(5);
const batched: TensorData = { data: Float32Array.from({ length: 96 }, () => 2 * draw() - 1), shape: [2, 6, 8] };
const single: TensorData = { data: (batched.data as Float32Array).slice(0, 48), shape: [6, 8] };

describe("SelfAttention", () => {
  forEachArithmetic(() => {
    it.each<[string, SelfAttentionOptions, AttentionForwardOptions]>([
      ["by default", {}, {}],
      ["with weights", {}, { needWeights: true, isCausal: true }],
      [
        "with everything",
        { bias: false, addBiasKv: true, addZeroAttn: true },
        { needWeights: true, averageAttnWeights: false },
      ],
      ["with fewer heads of keys and rotary positions", { numKvHeads: 2, rotary: true }, { needWeights: true }],
      ["with dropout", { dropout: 0.5 }, { seed: 3, needWeights: true }],
      ["with a mask", {}, { attnMask: { data: new Uint8Array(36).fill(1, 30, 34), shape: [6, 6] } }],
    ])("gives the bits of MultiheadAttention %s", (_, options, call) => {
      const { bytesInUse } = memoryUsage();
      manualSeed(4);
      const short = new SelfAttention(8, 4, options);
      const long = new MultiheadAttention(8, 4, { ...options, batchFirst: true });
      expect(short.training).toBe(true);
      expect([short.embedDim, short.numHeads]).toEqual([8, 4]);
      long.loadStateDict(short.stateDict());
      for (const x of [batched, single]) {
        scope(() => {
          const actual = short.forward(x, call);
          const expected = long.forward(x, x, x, call);
          expect(Object.keys(actual)).toEqual(Object.keys(expected));
          expect(actual.output.shape).toEqual(x.shape);
          expect(actual.output.toArray()).toEqual(expected.output.toArray());
          expect(actual.output.toArray().some((value) => value !== 0)).toBe(true);
          expect(actual.weights?.shape).toEqual(expected.weights?.shape);
          expect(actual.weights?.toArray()).toEqual(expected.weights?.toArray());
        });
      }
      short.dispose();
      long.dispose();
      expect(memoryUsage().bytesInUse).toBe(bytesInUse);
    });

    it("names its own argument and options in errors", () => {
      const { bytesInUse } = memoryUsage();
      const construct = (options: object) => new SelfAttention(8, 2, options);
      expectThrows(
        () => construct({ batchFirst: true }),
        TypeError,
        "ERR_INVALID_TYPE",
        /SelfAttention: .*"batchFirst"/,
      );
      expectThrows(() => construct({ kdim: 3 }), TypeError, "ERR_INVALID_TYPE", /SelfAttention: .*"kdim"/);
      expectThrows(() => new SelfAttention(8, 3), RangeError, "ERR_INVALID_VALUE", /SelfAttention: numHeads: .* got 3/);
      const attention = new SelfAttention(8, 2);
      const narrow = { data: new Float32Array(14), shape: [2, 7] };
      expectThrows(
        () => attention.forward(narrow),
        RangeError,
        "ERR_SHAPE",
        /SelfAttention\.forward: x: expected shape \[L, 8\] or shape \[B, L, 8\], got \[2, 7\]/,
      );
      expectThrows(
        () => attention.forward(undefined as never),
        TypeError,
        "ERR_INVALID_TYPE",
        /forward: x: expected a/,
      );
      attention.dispose();
      expectThrows(() => attention.forward(single), TypeError, "ERR_DISPOSED", /the SelfAttention has been disposed/);
      expect(memoryUsage().bytesInUse).toBe(bytesInUse);
    });
  });

  it("needs init", async () => {
    const runtime = await init();
    runtime.dispose();
    expect(() => new SelfAttention(8, 2)).toThrow(/SelfAttention: .*init/);
  });
});
