/**
 * The bits of every kernel's results, as one hash a case and arithmetic: equal on every host (docs/design.md, contract 6),
 * and with crate/tests/bits.rs natively too.
 *
 * A change of bits is a minor version: `npm run update:records` stores the new hashes.
 */
import { expect, test } from "vitest";
import { bitsCases, type StoredBitsCase } from "../cases/bits.js";
import file from "../cases/bits.json";
import { forEachArithmetic } from "../support/arithmetics.js";

const stored = file.cases as unknown as StoredBitsCase[];
const hashesByName = new Map(stored.map(({ name, hashes }) => [name, hashes]));

forEachArithmetic((arithmetic) => {
  test.each(bitsCases)("$test.name", ({ test: { name }, hash }) => {
    expect(hash()).toBe(hashesByName.get(name)?.[arithmetic]);
  });
});

test("the stored cases are those of the records (else: npm run update:records)", () => {
  const cases = bitsCases.map(({ operation, test: { options = {}, ...rest } }) => ({ ...rest, operation, options }));
  const withoutHashes = (test: StoredBitsCase): unknown =>
    Object.fromEntries(Object.entries(test).filter(([name]) => name !== "hashes"));
  expect(stored.map(withoutHashes)).toEqual(cases);
});

test("every case differs from the others", () => {
  expect(new Set(stored.map(({ name }) => name)).size).toBe(stored.length);
  expect(new Set(stored.map(({ seed }) => seed)).size).toBe(stored.length);
});
