/** ALiBi in the attention layers: the slopes, what they do to the scores, what is refused. */
import { describe, expect, it } from "vitest";
import {
  attentionWeights,
  type ErrorCode,
  MultiheadAttention,
  type MultiheadAttentionOptions,
  SelfAttention,
  Tensor,
} from "../../ts/entry/default.js";
import { randomOperand } from "../cases/layer-operands.js";
import { alibiSlopes } from "../oracle/multihead-attention.js";
import { forEachArithmetic } from "../support/arithmetics.js";
import { expectThrowsWithoutLeak, withoutLeak } from "../support/without-leak.js";

describe("ALiBi", () => {
  forEachArithmetic(() => {
    const slopesOf = (heads: number): readonly number[] => {
      const layer = new SelfAttention(heads, heads, { alibi: true });
      const { alibi } = layer;
      layer.dispose();
      return alibi ?? [];
    };

    it("has the slopes of the paper, for every number of heads", () => {
      for (let heads = 1; heads <= 70; heads++) {
        const [slopes, expected] = [slopesOf(heads), alibiSlopes(heads)];
        expect(slopes.length).toBe(heads);
        // Of ours a product's seven roundings, of the oracle's a power of a rounded base, at most 128.
        slopes.forEach((slope, n) => expect(Math.abs(slope / expected[n] - 1)).toBeLessThan(200 * 2 ** -53));
      }
    });

    it("has slopes with the same bits everywhere: powers of two are exact", () => {
      const eight = [1, 2, 3, 4, 5, 6, 7, 8].map((n) => 1 / 2 ** n);
      expect(slopesOf(8)).toEqual(eight);
      expect(slopesOf(64).filter((_, n) => n % 8 === 7)).toEqual(eight);
      expect(slopesOf(2)).toEqual([1 / 16, 1 / 256]);
      expect(slopesOf(1)).toEqual([1 / 256]);
      // 2^(−1/2), 2^(−3/2), …, correctly rounded.
      const half = Math.SQRT1_2;
      expect(slopesOf(12)).toEqual([...eight, half, half / 2, half / 4, half / 8]);
      // As transformers' BLOOM has them, in float32.
      expect(slopesOf(6)).toEqual([0.25, 0.0625, 0.015625, 0.00390625, 0.5, 0.125]);
      // 2^(−1/4) and 2^(−3/4), by their first 15 digits.
      const [first, , third] = slopesOf(32);
      expect([first, third].map(Math.fround)).toEqual([0.840896415253714, 0.59460355750136].map(Math.fround));
    });

    it("lowers scores by slope · |i − j|, by the places in the call", () => {
      withoutLeak(() => {
        const x = randomOperand(1, "float32", [2, 7, 8]);
        const memory = randomOperand(2, "float32", [2, 4, 8]);
        const options = { batchFirst: true } as const;
        const plain = new MultiheadAttention(8, 2, options);
        const layer = new MultiheadAttention(8, 2, { ...options, alibi: [0.5, 0.125] });
        layer.loadStateDict(plain.stateDict());
        const bias = Float32Array.from({ length: 2 * 2 * 7 * 4 }, (_, n) => {
          const [j, i, h] = [n % 4, Math.floor(n / 4) % 7, Math.floor(n / 28) % 2];
          return -[0.5, 0.125][h] * Math.abs(i - j);
        });
        const call = { needWeights: true, averageAttnWeights: false } as const;
        const actual = layer.forward(x, memory, memory, call);
        const expected = plain.forward(x, memory, memory, { ...call, attnMask: { data: bias, shape: [4, 7, 4] } });
        // Scores below 4 lose a rounding or two of 2^-22, and weights as much, relatively.
        expected.weights.toArray().forEach((weight, n) => {
          expect(Math.abs(actual.weights.toArray()[n] - Number(weight))).toBeLessThan(2 ** -19);
        });
        const without = plain.forward(x, memory, memory, call).weights.toArray();
        expect(Math.abs(without[27] - actual.weights.toArray()[27])).toBeGreaterThan(0.01);
        const { weights } = attentionWeights(layer, () => layer.forward(x, memory, memory), { rows: [6] });
        expect([...weights[0].weights.toArray().slice(0, 4)]).toEqual([...actual.weights.toArray().slice(24, 28)]);
        for (const module of [plain, layer]) module.dispose();
      });
    });

    it("takes a copy of slopes as numbers or a tensor", () => {
      withoutLeak(() => {
        const given = [0.5, -0.25];
        const tensor = Tensor.from(given);
        const layers = [given, Float32Array.from(given), tensor].map((alibi) => new SelfAttention(4, 2, { alibi }));
        tensor.dispose();
        given[0] = 9;
        for (const layer of layers) {
          expect(layer.alibi).toEqual([0.5, -0.25]);
          expect(Object.isFrozen(layer.alibi)).toBe(true);
          expect(Object.keys(layer.stateDict())).not.toContain("alibi");
          layer.dispose();
        }
        const none = new SelfAttention(4, 2, { alibi: false });
        expect(none.alibi).toBe(undefined);
        none.dispose();
      });
    });

    it.each<[string, MultiheadAttentionOptions, typeof TypeError | typeof RangeError, ErrorCode, RegExp]>([
      ["a number", { alibi: 1 as never }, TypeError, "ERR_INVALID_TYPE", /alibi: expected an array of numbers/],
      [
        "other heads",
        { alibi: [1] },
        RangeError,
        "ERR_SHAPE",
        /alibi: expected shape \[2\], one slope a head, got \[1\]/,
      ],
      ["NaN", { alibi: [1, NaN] }, RangeError, "ERR_INVALID_VALUE", /alibi\[1\]: expected a finite .*, got NaN/],
      ["bias_k", { alibi: true, addBiasKv: true }, TypeError, "ERR_INVALID_TYPE", /alibi: excluded by addBiasKv/],
      ["zeros", { alibi: true, addZeroAttn: true }, TypeError, "ERR_INVALID_TYPE", /alibi: excluded by .*addZeroAttn/],
    ])("refuses %s", (_, options, kind, code, message) => {
      const error = expectThrowsWithoutLeak(() => new MultiheadAttention(8, 2, options), kind, code, message);
      expect((error as Error).message).toMatch(/^MultiheadAttention: /);
    });
  });
});
