// The README's table of runtimes, from the recorded run of the matrix.

/**
 * @typedef {object} Row
 * @property {string} host        the runtime, and after ": " where in it
 * @property {string} version
 * @property {string} [emulator]  of the processor that the runtime is for
 * @property {"separate" | "fused"} arithmetic    that init() picks
 * @property {number} passed
 * @property {import("./suite/main.js").SuiteReport["hashes"]} hashes
 * @property {import("./suite/main.js").SuiteReport["lossHashes"]} lossHashes
 * @property {import("./hosts/host.mjs").Startup} startupMilliseconds
 */

/**
 * @typedef {object} Record
 * @property {string} date
 * @property {string} system
 * @property {import("./suite/main.js").SuiteReport["hashes"]} nativeHashes
 * @property {Row[]} rows
 * @property {{ host: string, version: string, code: string }[]} refusals    what init rejects with where WebAssembly is forbidden
 */

const BEGIN = "<!-- begin: written by test/matrix/readme-table.mjs from test/matrix/record.json -->";
const END = "<!-- end -->";

const milliseconds = (/** @type {number} */ value) => (value < 10 ? value.toFixed(1) : value.toFixed(0));

/** In the middle of some numbers, since one place may start while the machine does something else. */
function median(/** @type {readonly number[]} */ values) {
  const sorted = [...values].sort((a, b) => a - b);
  return (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2;
}

/** Of the places that can import when they are asked to; where none can, of `init` alone. */
function startup(/** @type {readonly Row[]} */ places) {
  const times = places.map(({ startupMilliseconds }) => startupMilliseconds);
  const both = times.flatMap((time) => (time.import === null ? [] : [time.import + time.init]));
  return both.length > 0
    ? `${milliseconds(median(both))} ms`
    : `init alone ${milliseconds(median(times.map(({ init }) => init)))} ms`;
}

/** @param {Record} record */
export function table({ date, system, rows, nativeHashes }) {
  const runtimes = [...new Set(rows.map(({ host }) => host.split(": ")[0]))];
  const lines = runtimes.map((runtime) => {
    const places = rows.filter(({ host }) => host.split(": ")[0] === runtime);
    const { version, emulator, arithmetic } = places[0];
    const where = places.map(({ host }) => host.split(": ")[1] ?? "");
    if (emulator !== undefined) where.push(`emulated by ${emulator}`);
    const passed = places.reduce((least, row) => Math.min(least, row.passed), Infinity);
    // An emulated processor's times say nothing of a real one's.
    const time = emulator === undefined ? startup(places) : "—";
    return `| ${runtime} | ${version} | ${where.join(", ")} | ${arithmetic} | ${passed} | ${time} |`;
  });
  // The matrix itself compares them with each other.
  const [separate, fused] = /** @type {const} */ (["separate", "fused"]).map((arithmetic) =>
    rows.map(({ lossHashes }) => lossHashes?.[arithmetic]).find((hash) => hash !== undefined),
  );
  return [
    "| runtime | tested | where | arithmetic | tests | import + init, median |",
    "| --- | --- | --- | --- | --: | --: |",
    ...lines,
    "",
    `One suite, run on the packed package (\`npm run matrix\`; ${date}, ${system}). The output bits have the same hash in every row and in a native Rust build: separate \`${nativeHashes.separate}\`, fused \`${nativeHashes.fused}\`.` +
      (separate === undefined
        ? ""
        : ` So have the losses of training runs, step by step: separate \`${separate}\`, fused \`${fused}\`.`),
  ].join("\n");
}

/** The README with the record's table between its marks. */
export function replaceTable(/** @type {string} */ readme, /** @type {Record} */ record) {
  const begin = readme.indexOf(BEGIN);
  const end = readme.indexOf(END, begin);
  if (begin < 0 || end < 0) throw new Error("README.md has no marks for the table of runtimes");
  return `${readme.slice(0, begin + BEGIN.length)}\n\n${table(record)}\n\n${readme.slice(end)}`;
}
