// Whether a host's report is what every host's must be.

/** @typedef {import("./hosts/host.mjs").Host} Host */
/** @typedef {import("./hosts/host.mjs").Report} Report */

/**
 * What every host's report has: the native build's hashes, or those of the first host, whose number of tests in each file it
 * is too. The hashes of losses are always the first host's, since the native build doesn't learn.
 * @typedef {Pick<Report, "hashes" | "lossHashes" | "tests">} Expected
 */

/**
 * What is wrong with a report, one line each.
 * @param {Pick<Host, "fuses" | "part">} host    with a part, where it ran only that
 * @param {Report} report
 * @param {Expected} expected
 */
export function faultsOf({ fuses, part }, report, expected) {
  const { passed, failed, skipped, failures, arithmetic, tests, hashes, lossHashes } = report;
  const faults = failures.map(({ test, message }) => `${test}\n    ${message.replaceAll("\n", "\n    ")}`);
  if (failed > 0) faults.unshift(`${failed} tests failed`);
  if (passed === 0) faults.push("no test ran");
  if (fuses !== (arithmetic === "fused")) faults.push(`init() picks ${arithmetic} arithmetic`);
  // Those of fused arithmetic, on hosts that have none.
  if (fuses === skipped > 0) faults.push(`${skipped} tests were skipped`);
  for (const name of /** @type {const} */ (["separate", "fused"])) {
    if (name === "fused" && !fuses) continue;
    if (hashes[name] !== expected.hashes[name]) {
      faults.push(`${name} arithmetic: the bits hash to ${hashes[name]}, expected ${expected.hashes[name]}`);
    }
    if (lossHashes[name] === undefined || lossHashes[name] !== expected.lossHashes[name]) {
      faults.push(`${name} arithmetic: the losses hash to ${lossHashes[name]}, expected ${expected.lossHashes[name]}`);
    }
  }
  for (const [file, count] of Object.entries(expected.tests)) {
    const isDue = part === undefined || part.test(file);
    if (isDue && tests[file] !== count) faults.push(`${file}: ${tests[file] ?? 0} tests, expected ${count}`);
  }
  return faults;
}
