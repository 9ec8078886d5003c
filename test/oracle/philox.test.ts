import { describe, expect, it } from "vitest";
import { dropoutWords } from "../cases/worked-examples.js";
import { keptKeys, philox4x32, seedToKey } from "./philox.js";

describe("Philox4x32-10", () => {
  // Random123's kat_vectors.
  it.each([
    [
      [0, 0, 0, 0],
      [0, 0],
      [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8],
    ],
    [
      [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff],
      [0xffffffff, 0xffffffff],
      [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd],
    ],
    [
      [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
      [0xa4093822, 0x299f31d0],
      [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
    ],
  ] as const)("answers for counter %j, key %j", (counter, key, words) => {
    expect(philox4x32(counter, key)).toEqual(words);
  });

  it.each(dropoutWords)("has the documented words of element ($b, $h, $i, $j) of seed $seed", (known) => {
    const block = philox4x32([Math.floor(known.j / 4), known.i, known.h, known.b], seedToKey(known.seed));
    expect(block.slice(0, known.words.length)).toEqual(known.words);
  });

  it("splits a seed into two words", () => {
    expect(seedToKey(2 ** 53 - 1)).toEqual([0xffffffff, 0x1fffff]);
    expect(seedToKey(2n ** 64n - 1n)).toEqual([0xffffffff, 0xffffffff]);
  });

  it("keeps everything at probability 0 and nothing at 1", () => {
    expect(keptKeys(7, 0, 0, 0, 0, 9)).toEqual(new Uint8Array(9).fill(1));
    expect(keptKeys(7, 1, 0, 0, 0, 9)).toEqual(new Uint8Array(9));
  });
});
