// The command line of the benchmark: README.md says how to run it and how it measures.
import { writeFileSync } from "node:fs";
import { Command, Option } from "commander";
import { collect, parseFile, parseSeconds } from "./arguments.mjs";
import { cases, longestCase, makeSweep, scalingCases } from "./cases.mjs";
import { measureCosts } from "./costs.mjs";
import { openEngineProcess } from "./engine-process.mjs";
import { engineBuilds, ourBuilds, peakBuilds } from "./engines.mjs";
import { describeEnvironment } from "./environment.mjs";
import { measure } from "./measure.mjs";
import { measureMemory, measureTrainingMemory } from "./memory.mjs";
import { chooseCases, fullLength, isChosen, quickLength, sweepLength } from "./plan.mjs";
import { evaluate } from "./results.mjs";
import { drawRoofline } from "./roofline.mjs";
import { fitScaling } from "./scaling.mjs";
import { describeSweep, sweep } from "./sweep.mjs";
import { describeRecord } from "./table.mjs";

/** What is measured beside the cases, by the name that `--filter` knows. */
const PARTS = ["costs", "scaling", "memory", "training memory"];

/** Fresh processes for the costs of each engine. */
const PROCESSES = 9;
const QUICK_PROCESSES = 3;

const command = new Command("npm run bench --")
  .description("Times attention on one thread: wasm-attention beside other engines and the machine's peak.")
  .option("--filter <text>", "only the cases whose names or groups contain the text; may be repeated", collect)
  .option("--engine <text>", "only the engines whose names contain the text; may be repeated", collect)
  .option("--quick", `a few cases, for ${quickLength.seconds} seconds each: under two minutes`)
  .option("--seconds <number>", `how long to time each case (default: ${fullLength.seconds})`, parseSeconds)
  .option("--sweep", "instead: head sizes and lengths in steps of 1, and where they are slower than their neighbours")
  .option("--json <file>", "write the environment, the peaks and every measurement to a file", parseFile)
  .option("--svg <file>", "draw a roofline chart into a file", parseFile)
  .addOption(new Option("--python <path>", "the interpreter that has PyTorch and onnxruntime").env("PYTHON"))
  .addHelpText(
    "after",
    `\nCases:\n${cases.map(({ name, group }) => `  ${name} (${group})`).join("\n")}\n\nAnd:\n  ${PARTS.join("\n  ")}`,
  )
  .showSuggestionAfterError(false)
  .parse();

/**
 * @type {{ filter?: string[], engine?: string[], quick?: true, seconds?: number, sweep?: true, json?: string,
 *   svg?: string, python?: string }}
 */
const options = command.opts();
// The processes of the native engines inherit it.
if (options.python !== undefined) process.env.PYTHON = options.python;

const report = (/** @type {string} */ text) => console.error(text);
const writeJson = (/** @type {unknown} */ value) => {
  if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify(value, null, 2)}\n`);
};

/**
 * @param {readonly import("./cases.mjs").Case[]} chosen
 * @param {readonly import("./engines.mjs").EngineBuild[]} builds
 * @param {{ seconds: number, warmUpMilliseconds: number }} length
 */
const run = async (chosen, builds, { seconds, warmUpMilliseconds }) =>
  evaluate(
    await measure({
      cases: chosen,
      engineBuilds: builds.filter(({ name }) => isChosen(options.engine, name)),
      peakBuilds,
      seconds: options.seconds ?? seconds,
      warmUpMilliseconds,
      openEngine: openEngineProcess,
      report,
    }),
  );

async function runSweep() {
  const environment = describeEnvironment();
  const chosen = makeSweep().filter(({ name, group }) => isChosen(options.filter, `${group}: ${name}`));
  if (chosen.length === 0) command.error("error: --filter: no case of the sweep has such a name");
  const swept = await sweep(chosen, (some) => run(some, ourBuilds, sweepLength));
  console.log(describeSweep(swept));
  writeJson({ environment, ...swept });
  return swept.measurements;
}

async function runCases() {
  const environment = describeEnvironment();
  const length = options.quick ? quickLength : fullLength;
  const chosen = chooseCases(options);
  const parts = PARTS.filter((part) =>
    options.quick && options.filter === undefined ? part === "costs" : isChosen(options.filter, part),
  );
  if (chosen.length === 0 && parts.length === 0) {
    command.error("error: --filter: no case has such a name; --help lists them");
  }
  const results = await run(chosen, engineBuilds, length);
  const available = engineBuilds.filter(({ name }) => results.engines.some((engine) => engine.name === name));

  const scaling = parts.includes("scaling") ? await run(scalingCases, ourBuilds, length) : undefined;
  /** @type {import("./record.mjs").Record} */
  const record = {
    environment,
    ...results,
    measurements: [...results.measurements, ...(scaling?.measurements ?? [])],
    ...(parts.includes("costs") && {
      costs: await measureCosts(available, cases[1], options.quick ? QUICK_PROCESSES : PROCESSES, report),
    }),
    ...(scaling && { scaling: fitScaling(scalingCases, scaling.measurements) }),
    ...(parts.includes("memory") && { memory: await measureMemory(longestCase) }),
    ...(parts.includes("training memory") && { trainingMemory: await measureTrainingMemory() }),
  };
  console.log(describeRecord(record));
  writeJson(record);
  if (options.svg !== undefined) writeFileSync(options.svg, drawRoofline(record));
  return record.measurements;
}

try {
  const measurements = await (options.sweep ? runSweep() : runCases());
  if (measurements.some(({ samples }) => samples === 0)) process.exitCode = 1;
} catch (error) {
  command.error(`error: ${error instanceof Error ? error.message : String(error)}`);
}
