/**
 * The bits of every kernel's results, as one hash a case and arithmetic: equal on every host (docs/design.md, contract 6),
 * and with crate/tests/bits.rs natively too.
 *
 * A change of bits is a minor version: `node scripts/update-bits.mjs` stores the new hashes.
 */
import { expect, test } from "vitest";
import { forEachArithmetic } from "../support/arithmetics.js";
import { type BitsCase, hashOf } from "../cases/bits.js";
import file from "../cases/bits.json";

const cases = file.cases as unknown as BitsCase[];

forEachArithmetic((arithmetic) => {
  test.each(cases)("$name", (bitsCase) => {
    expect(hashOf(bitsCase)).toBe(bitsCase.hashes[arithmetic]);
  });
});

test("every case differs from the others", () => {
  expect(new Set(cases.map(({ name }) => name)).size).toBe(cases.length);
  expect(new Set(cases.map(({ seed }) => seed)).size).toBe(cases.length);
});
