/** What the runtime matrix finds fault with: a check that passes everything would prove nothing of any runtime. */
import { expect, it } from "vitest";
import { faultsOf, type Report } from "./matrix/check.mjs";

const native = { separate: "0011", fused: "2233" };
const fusing = { fuses: true };
const plain = { fuses: false };
const good: Report = {
  passed: 20,
  failed: 0,
  skipped: 0,
  failures: [],
  arithmetic: "fused",
  hashes: native,
  startupMilliseconds: { import: 1, init: 1 },
};
const goodWithoutFusing: Report = { ...good, skipped: 10, arithmetic: "separate", hashes: { separate: "0011" } };

it("finds none where all is well", () => {
  expect(faultsOf(fusing, good, native)).toEqual([]);
  expect(faultsOf(plain, goodWithoutFusing, native)).toEqual([]);
});

it.each<[string, { fuses: boolean }, Partial<Report>, RegExp]>([
  [
    "a failed test",
    fusing,
    { failed: 1, failures: [{ test: "a > b", message: "why" }] },
    /1 tests failed.*a > b.*why/s,
  ],
  ["no test at all", fusing, { passed: 0 }, /no test ran/],
  ["skipped tests where the host fuses", fusing, { skipped: 1 }, /1 tests were skipped/],
  ["other bits", fusing, { hashes: { separate: "0011", fused: "2234" } }, /fused .* hash to 2234, expected 2233/],
  ["no bits", fusing, { hashes: {} }, /separate .* undefined, expected 0011.*fused .* undefined/s],
  ["a host that should fuse", fusing, { arithmetic: "separate" }, /init\(\) picks separate/],
  ["a host that should not fuse", plain, { arithmetic: "fused" }, /init\(\) picks fused/],
  ["nothing skipped where the host doesn't fuse", plain, { skipped: 0 }, /0 tests were skipped/],
  ["other bits without fusing", plain, { hashes: { separate: "0012" } }, /separate .* hash to 0012/],
])("finds %s", (_, host, change, message) => {
  const report = { ...(host.fuses ? good : goodWithoutFusing), ...change };
  expect(faultsOf(host, report, native).join("\n")).toMatch(message);
});
