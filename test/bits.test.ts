/**
 * The bits of every kernel's results, as one hash a case and arithmetic: equal on every host (docs/design.md, contract 6),
 * and with crate/tests/bits.rs natively too.
 *
 * A change of bits is a minor version. `UPDATE_BITS=1 npx vitest run test/bits.test.ts` stores the new hashes.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { format, resolveConfig } from "prettier";
import { afterAll, expect, test } from "vitest";
import { forEachArithmetic } from "./arithmetics.js";
import { type BitsCase, hashOf } from "./cases/bits.js";

const path = "test/cases/bits.json";
const { cases } = JSON.parse(readFileSync(path, "utf8")) as { cases: BitsCase[] };
const isUpdate = process.env.UPDATE_BITS === "1";

forEachArithmetic((arithmetic) => {
  test.each(cases)("$name", (bitsCase) => {
    const hash = hashOf(bitsCase);
    if (isUpdate) bitsCase.hashes[arithmetic] = hash;
    expect(hash).toBe(bitsCase.hashes[arithmetic]);
  });
});

test("every case differs from the others", () => {
  expect(new Set(cases.map(({ name }) => name)).size).toBe(cases.length);
  expect(new Set(cases.map(({ seed }) => seed)).size).toBe(cases.length);
});

afterAll(async () => {
  if (!isUpdate) return;
  const text = `{"cases":[\n${cases.map((bitsCase) => JSON.stringify(bitsCase)).join(",\n")}]}`;
  writeFileSync(path, await format(text, { ...(await resolveConfig(path)), parser: "json" }));
});
