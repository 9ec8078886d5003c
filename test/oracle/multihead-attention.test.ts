import { describe, expect, it } from "vitest";
import { multiheadExample } from "../cases/worked-examples.js";
import { multiheadAttention } from "./multihead-attention.js";

describe(`multi-head oracle: ${multiheadExample.name}`, () => {
  const { embedDim, numHeads, constructorOptions, state, input, attnMask } = multiheadExample;
  const configuration = { embedDim, numHeads, ...constructorOptions };

  it.each([
    ["with attnMask", { attnMask }],
    ["with isCausal", { isCausal: true }],
    ["with both", { attnMask, isCausal: true }],
  ])("%s", (_, call) => {
    const { output, weights } = multiheadAttention(configuration, state, input, input, input, call);
    expect(output.shape).toEqual([2, 1, 1]);
    expect(weights.shape).toEqual([1, 2, 4]);
    multiheadExample.output.forEach((value, n) => expect(output.data[n]).toBeCloseTo(value, 6));
    multiheadExample.weights.forEach((value, n) => expect(weights.data[n]).toBeCloseTo(value, 6));
  });
});
