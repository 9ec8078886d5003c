// The README's figures, from a recorded run.
import { learningGroups } from "./cases.mjs";
import { ourBuilds, referenceBuilds } from "./engines.mjs";
import { list, markdownTable, percent, replaceGenerated, threeDigits, time } from "./text.mjs";

/** @typedef {import("./record.mjs").Record} Record */
/** @typedef {import("./record.mjs").Measurement} Measurement */

const [SEPARATE, FUSED] = ourBuilds.map(({ name }) => name);
const [REFERENCE] = referenceBuilds.map(({ name }) => name);

/** The groups of cases that a reader sees first; the others are folded. */
const AT_A_GLANCE = ["prefill", "decode", "linear"];

/** What is shown of gradients and training, and the engines beside this package that have them. */
const LEARNING_AT_A_GLANCE = [
  ...[128, 512, 1024].flatMap((length) => {
    const name = `gradients ${length}${length === 128 ? " H=6" : ""}`;
    return [`${name} dense`, `${name} causal`];
  }),
  "linear 384x256x1024 gradient of input",
  "linear 384x256x1024 gradient of weight",
  "training step",
];
const LEARNING_ENGINES = ["jax-js", "tfjs-backend-wasm", "PyTorch"];

/** What each engine does of these stands beside what it costs. */
const COMPARED = ["attention 512 dense", "attention 512 causal", "decode 1 of 2048", "linear 128x768x768"];

/**
 * A README with the figures of recorded runs in the place that is marked for them.
 * @param {string} readme
 * @param {Record} record
 * @param {readonly Record[]} browsers
 */
export const replaceFigures = (readme, record, browsers) =>
  replaceGenerated(
    readme,
    [
      describeRun(record),
      drawCases(record),
      ...drawLearning(record),
      drawEngines(record),
      describeGrowth(record),
      drawBrowsers(record, browsers),
    ].join("\n\n"),
  );

/** @param {Record} record */
function describeRun({ environment, engines, peaks }) {
  const peakOf = (/** @type {string} */ arithmetic) => peaks.find((peak) => peak.arithmetic === arithmetic);
  const arithmetic = ["separate", "fused"].flatMap((name) => {
    const peak = peakOf(name);
    return peak === undefined ? [] : `${peak.best.toFixed(0)} GFLOP/s ${name}`;
  });
  const reads = peaks.filter(({ streams = 1 }) => streams > 1).map(({ best }) => best);
  const ours = engines.find(({ name }) => name === SEPARATE);
  const others = engines
    .filter(({ name, version }) => version !== "" && !name.startsWith("wasm-attention") && !name.includes(" "))
    .map(({ name, version }) => `${name} ${version}`);
  const memory = reads.length === 0 ? "" : `; memory is read at up to ${Math.max(...reads).toFixed(0)} GB/s`;
  return (
    `Measured ${environment.date.slice(0, 10)} on ${environment.processor} (${environment.processors} processors, ` +
    `${environment.system}) under Node ${environment.node}: wasm-attention ${ours?.version ?? ""} beside ${list(others)}. ` +
    `The peaks of this run: ${list(arithmetic)}${memory}.`
  );
}

/** @param {Record} record */
function drawCases({ measurements }) {
  const isShort = (/** @type {Measurement} */ { group }) => AT_A_GLANCE.includes(group);
  const rest = measurements.filter(
    (measurement) => !isShort(measurement) && ![...learningGroups, "scaling"].includes(measurement.group),
  );
  const details = `<details>\n<summary>Shapes, masks and options</summary>\n\n${drawTable(rest)}\n\n</details>`;
  return `${drawTable(measurements.filter(isShort))}\n\n${details}`;
}

/** @param {readonly Measurement[]} shown */
function drawTable(shown) {
  const rows = [...new Set(shown.map((measurement) => measurement.case))].map((name) => {
    const of = (/** @type {string} */ engine) =>
      shown.find((measurement) => measurement.case === name && measurement.engine === engine);
    const best = (/** @type {string} */ engine) => of(engine)?.milliseconds?.best;
    const share = (/** @type {string} */ engine) => {
      const { shareOfPeak, bound } = of(engine) ?? {};
      return shareOfPeak === undefined ? "" : `${percent(shareOfPeak)}${bound === "memory" ? " of memory" : ""}`;
    };
    const reference = Math.min(...referenceBuilds.map((build) => best(build.name) ?? Infinity));
    const faster = [SEPARATE, FUSED].flatMap((engine) => {
      const times = of(engine)?.timesReference;
      return times === undefined ? [] : `${times.toFixed(1)}×`;
    });
    return [
      name,
      ...[time(best(SEPARATE)), share(SEPARATE)],
      ...[time(best(FUSED)), share(FUSED)],
      ...[time(Number.isFinite(reference) ? reference : undefined), faster.join(" / ")],
    ];
  });
  return markdownTable(
    ["", "separate", "of peak", "fused", "of peak", REFERENCE, "separate / fused are faster by"],
    rows,
  );
}

/**
 * Gradients and training; nothing of a record without them.
 * @param {Record} record
 */
function drawLearning({ measurements, trainingMemory = [] }) {
  const rows = LEARNING_AT_A_GLANCE.flatMap((name) => {
    const of = (/** @type {string} */ engine) =>
      measurements.find((measurement) => measurement.case === name && measurement.engine === engine);
    const ours = [SEPARATE, FUSED].map(of);
    if (ours.includes(undefined)) return [];
    const timesForward = ours.flatMap((measurement) =>
      measurement?.backward === undefined ? [] : [`${measurement.backward.timesForward.toFixed(1)}×`],
    );
    return [
      [
        name,
        ...ours.flatMap((measurement) => [
          time(measurement?.milliseconds?.best),
          measurement?.shareOfPeak === undefined ? "" : percent(measurement.shareOfPeak),
        ]),
        timesForward.join(" / "),
        ...LEARNING_ENGINES.map((engine) => time(of(engine)?.milliseconds?.best)),
      ],
    ];
  });
  if (rows.length === 0) return [];
  const head = ["", "separate", "of peak", "fused", "of peak", "backward / forward", ...LEARNING_ENGINES];
  const memory = trainingMemory.map(
    ({ layers, hasCheckpoint, bytesPerPosition, bytesAtZero }) =>
      `${(bytesAtZero / 1e6).toFixed(1)} MB and ${(bytesPerPosition / 1e3).toFixed(1)} kB a position ` +
      `for ${layers === 1 ? "one attention layer" : `${layers} of them`}${hasCheckpoint ? " with checkpoints" : ""}`,
  );
  return [
    `Learning, forward and backward pass together (H = 1, where nothing is said); \`training step\` is a language model's:`,
    markdownTable(head, rows),
    ...(memory.length === 0 ? [] : [`The memory of a training step grows with the length: it takes ${list(memory)}.`]),
  ];
}

/** @param {Record} record */
function drawEngines({ engines, measurements, costs = [] }) {
  const rows = engines.map(({ name }) => {
    const times = COMPARED.map((compared) =>
      time(
        measurements.find((measurement) => measurement.case === compared && measurement.engine === name)?.milliseconds
          ?.best,
      ),
    );
    const cost = costs.find(({ engine }) => engine === name);
    const size = (/** @type {number} */ bytes) =>
      bytes < 1e6 ? `${threeDigits(bytes / 1e3)} kB` : `${threeDigits(bytes / 1e6)} MB`;
    return [
      name,
      ...times,
      cost === undefined ? "" : `${size(cost.bytes)} (${size(cost.gzipBytes)})`,
      time(cost?.initMilliseconds.best),
      time(cost?.firstCallMilliseconds.best),
    ];
  });
  return markdownTable(["", ...COMPARED, "to ship (gzip)", "import + init", "first call"], rows);
}

/** @param {Record} record */
function describeGrowth({ scaling = [], memory = [] }) {
  const exponents = scaling.map(
    ({ engine, exponent, largestDeviation }) =>
      `${exponent.toFixed(2)} (${engine.replace("wasm-attention ", "")}; no time is further than ${percent(largestDeviation)} from it)`,
  );
  const lengths = scaling[0]?.lengths ?? [];
  const growth =
    exponents.length === 0
      ? []
      : `From L = S = ${lengths[0]} to ${lengths.at(-1)}, time grows with L · S to the power of ${list(exponents)}.`;
  const uses =
    memory.length === 0
      ? []
      : `${memory[0].case} takes ${(Math.max(...memory.map(({ extraBytes }) => extraBytes)) / 2 ** 20).toFixed(1)} MiB beside inputs and output.`;
  return [growth, uses].flat().join(" ");
}

/**
 * The cases that browsers were measured with, beside the same in Node.
 * @param {Record} record
 * @param {readonly Record[]} browsers
 */
function drawBrowsers(record, browsers) {
  const names = [
    ...new Set(browsers.flatMap(({ measurements }) => measurements.map((measurement) => measurement.case))),
  ];
  const rows = [record, ...browsers].map(({ environment, measurements }) => {
    const [name, version] = (environment.browser ?? `Node/${environment.node}`).split("/");
    const cells = names.map((name) => {
      const found = measurements.find((measurement) => measurement.case === name && measurement.engine === FUSED);
      return found?.shareOfPeak === undefined
        ? ""
        : `${time(found.milliseconds?.best)} (${percent(found.shareOfPeak)})`;
    });
    return [`${name[0].toUpperCase()}${name.slice(1)} ${version.split(".")[0]}`, ...cells];
  });
  return markdownTable(["fused (of peak)", ...names], rows);
}
