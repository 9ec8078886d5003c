// The figures of docs/performance.md, from a recorded run.
import { ourBuilds } from "./engines.mjs";
import { list, markdownTable, percent, replaceGenerated, threeDigits, time } from "./text.mjs";

/** @typedef {import("./record.mjs").Record} Record */
/** @typedef {import("./record.mjs").Measurement} Measurement */

/** The call without options that the others are held against. */
const PLAIN = "attention 512 dense";

/** Each option and the case that has it. */
const OPTIONS = [
  ["`isCausal`", "attention 512 causal"],
  ["the same as a float mask", "attention 512 mask causal"],
  ["`isCausal`, `leftWindowSize: 64`", "attention 512 window 64"],
  ["`keyLengths`, half of the keys", "attention 512 half of the keys"],
  ["`attnMask`, boolean", "attention 512 mask boolean"],
  ["`attnMask`, float", "attention 512 mask float"],
  ["`alibiSlopes`", "attention 512 alibi"],
  ["`sinks`", "attention 512 sinks"],
  ["`softcap`", "attention 512 softcap"],
  ["`dropoutP`", "attention 512 dropout"],
  ["`needWeights: true`", "attention 512 weights of all heads"],
  ["`needWeights: { heads: [0] }`", "attention 512 weights of one head"],
  ["float16", "attention 512 float16"],
  ["bfloat16", "attention 512 bfloat16"],
  ['`layout: "BLHD"`', "attention 512 BLHD"],
];

/** How many queries, and the case that has them. */
const FEW_QUERIES = /** @type {const} */ ([
  [1, "decode 1 of 2048"],
  [2, "decode 2 of 2048"],
  [4, "decode 4 of 2048"],
]);

/**
 * The page with the figures of a record in the place that is marked for them.
 * @param {string} page
 * @param {Record} record
 */
export const replaceCosts = (page, record) =>
  replaceGenerated(
    page,
    [describePlain(record), drawOptions(record), drawFewQueries(record), ...drawBackward(record)].join("\n\n"),
  );

/**
 * One case in each of our arithmetics; undefined where the record lacks it.
 * @param {Record} record
 * @param {string} name
 */
function find({ measurements }, name) {
  const found = ourBuilds.map((build) =>
    measurements.find((measurement) => measurement.case === name && measurement.engine === build.name),
  );
  return found.every((measurement) => measurement !== undefined) ? found : undefined;
}

const best = (/** @type {Measurement} */ { milliseconds }) => milliseconds?.best ?? NaN;

/** @param {Record} record */
function findPlain(record) {
  const plain = find(record, PLAIN);
  if (plain === undefined) throw new Error(`the record lacks ${PLAIN}`);
  return plain;
}

/** @param {Record} record */
function describePlain(record) {
  const { date, processor, node } = record.environment;
  const times = findPlain(record).map((plain, index) => `${time(best(plain))} ${ourBuilds[index].arithmetic}`);
  return (
    `Measured ${date.slice(0, 10)} on ${processor} under Node ${node}: how many times as long as \`${PLAIN}\` ` +
    `(L = S = 512, H = 12, D = 64: ${list(times)}) a call takes with the option.`
  );
}

/**
 * A time is held against the peak of the same rounds, since a shared machine is not always equally fast.
 * @param {Measurement} measurement bound by arithmetic
 */
const timesPeak = ({ bound, peak = NaN, ...measurement }) => (bound === "arithmetic" ? best(measurement) * peak : NaN);

/** @param {Record} record */
function drawOptions(record) {
  const plain = findPlain(record);
  const rows = OPTIONS.flatMap(([option, name]) => {
    const costs = find(record, name)?.map((measurement, index) => timesPeak(measurement) / timesPeak(plain[index]));
    if (costs?.some(Number.isNaN)) throw new Error(`${name}: expected to be bound by arithmetic`);
    return costs === undefined ? [] : [[option, ...costs.map((cost) => `${cost.toFixed(2)}×`)]];
  });
  return markdownTable(["", ...ourBuilds.map(({ arithmetic }) => arithmetic)], rows);
}

/** @param {Record} record */
function drawFewQueries(record) {
  const rows = FEW_QUERIES.flatMap(([queries, name]) => {
    const measurements = find(record, name);
    if (measurements === undefined) return [];
    const times = measurements.map((measurement) => best(measurement) / queries);
    return [[String(queries), ...times.map((each) => `${threeDigits(each)} ms`)]];
  });
  return markdownTable(
    ["queries against 2048 keys", ...ourBuilds.map(({ arithmetic }) => `${arithmetic}, each query`)],
    rows,
  );
}

/**
 * The backward pass of every case that has one; nothing of a record without them.
 * @param {Record} record
 */
function drawBackward(record) {
  const names = new Set(
    record.measurements.filter(({ backward }) => backward !== undefined).map((measurement) => measurement.case),
  );
  const rows = [...names].flatMap((name) => {
    const backward = find(record, name)?.map((measurement) => measurement.backward);
    if (backward === undefined) return [];
    return [
      [
        name,
        ...backward.flatMap((pass) => [
          time(pass?.milliseconds.best),
          pass?.shareOfPeak === undefined ? "" : percent(pass.shareOfPeak),
          pass === undefined ? "" : `${pass.timesForward.toFixed(2)}×`,
        ]),
      ],
    ];
  });
  if (rows.length === 0) return [];
  const head = ourBuilds.flatMap(({ arithmetic }) => [arithmetic, "of peak", "of forward"]);
  return [markdownTable(["backward pass", ...head], rows)];
}
