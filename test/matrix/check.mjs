// Whether a host's report is what every host's must be.

/** @typedef {import("./hosts/host.mjs").Host} Host */
/** @typedef {import("./hosts/host.mjs").Report} Report */
/** @typedef {import("./suite/main.js").SuiteReport["hashes"]} Hashes */

/**
 * What is wrong with a report, one line each.
 * @param {Pick<Host, "fuses">} host
 * @param {Report} report
 * @param {Hashes} expected    the native build's hashes, or those of the first host
 */
export function faultsOf({ fuses }, { passed, failed, skipped, failures, arithmetic, hashes }, expected) {
  const faults = failures.map(({ test, message }) => `${test}\n    ${message.replaceAll("\n", "\n    ")}`);
  if (failed > 0) faults.unshift(`${failed} tests failed`);
  if (passed === 0) faults.push("no test ran");
  if (fuses !== (arithmetic === "fused")) faults.push(`init() picks ${arithmetic} arithmetic`);
  // Those of fused arithmetic, on hosts that have none.
  if (fuses === skipped > 0) faults.push(`${skipped} tests were skipped`);
  for (const name of /** @type {const} */ (["separate", "fused"])) {
    if (name === "fused" && !fuses) continue;
    if (hashes[name] !== expected[name]) {
      faults.push(`${name} arithmetic: the bits hash to ${hashes[name]}, expected ${expected[name]}`);
    }
  }
  return faults;
}
