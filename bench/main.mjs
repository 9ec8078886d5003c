// The command line of the benchmark: README.md says how to run it and how it measures.
import { accessSync, constants, writeFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { Command, InvalidArgumentError, Option } from "commander";
import { cases } from "./cases.mjs";
import { describeEnvironment } from "./environment.mjs";
import { measure } from "./measure.mjs";
import { evaluate } from "./results.mjs";
import { describe } from "./table.mjs";

const SECONDS = 15;
const QUICK_SECONDS = 3;

/** @param {string} text */
function parseSeconds(text) {
  const seconds = Number(text);
  if (!(seconds > 0 && seconds <= 3600)) throw new InvalidArgumentError("Expected a number above 0, up to 3600.");
  return seconds;
}

/**
 * The path of a file that can be written: a run is long, so this is said before it.
 * @param {string} file
 */
function parseFile(file) {
  const path = resolve(file);
  try {
    accessSync(dirname(path), constants.W_OK);
  } catch {
    throw new InvalidArgumentError("Its folder doesn't exist, or can't be written to.");
  }
  return path;
}

/**
 * @param {string} text
 * @param {string[]} [earlier]
 */
const collect = (text, earlier = []) => [...earlier, text];

const command = new Command("npm run bench --")
  .description("Times attention on one thread: wasm-attention beside onnxruntime-web and the machine's peak.")
  .option("--filter <text>", "only the cases whose names contain the text; may be repeated", collect)
  .option("--seconds <number>", "how long to time each case", parseSeconds, SECONDS)
  .addOption(new Option("--quick", `the same as --seconds ${QUICK_SECONDS}`).implies({ seconds: QUICK_SECONDS }))
  .option("--json <file>", "write the environment, the peaks and every measurement to a file", parseFile)
  .addHelpText("after", `\nCases:\n${cases.map(({ name }) => `  ${name}`).join("\n")}`)
  .showSuggestionAfterError(false)
  .parse();

/** @type {{ filter?: string[], seconds: number, json?: string }} */
const { filter, seconds, json } = command.opts();

const chosen = cases.filter(({ name }) => filter?.some((text) => name.includes(text)) ?? true);
if (chosen.length === 0) command.error("error: --filter: no case has such a name; --help lists them");

try {
  const environment = describeEnvironment();
  const results = evaluate(await measure(chosen, seconds, (text) => console.error(text)));
  console.log(describe(environment, results));
  if (json !== undefined) writeFileSync(json, `${JSON.stringify({ environment, ...results }, null, 2)}\n`);
  if (results.measurements.some(({ samples }) => samples === 0)) process.exitCode = 1;
} catch (error) {
  command.error(`error: ${error instanceof Error ? error.message : String(error)}`);
}
