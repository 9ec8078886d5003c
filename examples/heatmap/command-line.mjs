import { resolve } from "node:path";
import { Command, InvalidArgumentError, Option } from "commander";
import { printable } from "./labels.mjs";

export const EXAMPLE_TEXT = "John loves to eat pizza";

/** Of a text: the weights of so many tokens are 64 MB a head. */
const MOST_TOKENS = 4096;
const WIDEST_EMBEDDING = 4096;
const USUAL_EMBEDDING = 256;

const HELP_WIDTH = 100;

const EXAMPLES = `
Examples:
  npm start
  npm start -- "She sells sea shells by the sea shore" --head 0
  npm start -- "The cat sat on the mat" --causal --svg cat.svg
  npm start --silent -- --json < letter.txt
  npm start -- qkv.safetensors --causal --out output.safetensors

A .safetensors file holds the tensors q, k and v (or query, key and value): [B, H, L, D], or
[B, L, H, D] with --layout BLHD, [B, L, H·D] with --num-heads, [B, L, D] or [L, D] for one head.
A tensor named mask or attn_mask is used too: bool (true attends) or float (added to the scores).
`;

/**
 * A parser of whole numbers.
 * @param {number} least
 * @param {number} most
 */
const integer =
  (least, most = Infinity) =>
  (/** @type {string} */ text) => {
    const value = Number(text);
    if (/^-?\d+$/.test(text) && Number.isSafeInteger(value) && value >= least && value <= most) return value;
    const range = most === Infinity ? `from ${least}` : `from ${least} to ${most}`;
    throw new InvalidArgumentError(`Expected an integer ${range}.`);
  };

/** @param {string} text */
function number(text) {
  const value = Number(text);
  if (text.trim() !== "" && Number.isFinite(value)) return value;
  throw new InvalidArgumentError("Expected a number.");
}

/**
 * A path as the user means it: npm changes to the package's folder and tells where it was called.
 * @param {string} path
 */
const userPath = (path) =>
  process.env["npm_lifecycle_event"] === "start" ? resolve(process.env["INIT_CWD"] ?? ".", path) : path;

const textOptions = [
  new Option("--head <number>", "show one head, counted from 0 (default: the mean over all)").argParser(integer(0)),
  new Option("--heads <number>", "attention heads; the first half compares spelling, the other nearness")
    .argParser(integer(1, WIDEST_EMBEDDING / 2))
    .default(4),
  new Option(
    "--embed-dim <number>",
    `width of the embedding (default: ${USUAL_EMBEDDING}, or what suits the heads)`,
  ).argParser(integer(4, WIDEST_EMBEDDING)),
  new Option("--seed <number>", "seed of the embedding").argParser(integer(0, 2 ** 32 - 1)).default(0),
  new Option("--max-tokens <number>", "attend over the first tokens of a longer text")
    .argParser(integer(1, MOST_TOKENS))
    .default(512),
  new Option("--svg <file>", "write the heatmap as a picture, too").argParser(userPath),
  new Option("--width <columns>", "width of the heatmap (default: the terminal's)").argParser(integer(20)),
  new Option("--no-color", "shades instead of colours, as with NO_COLOR=1"),
];

const tensorOptions = [
  new Option("--out <file>", "write the output as safetensors").argParser(userPath),
  new Option("--weights", "add the attention weights to the output file"),
  new Option("--layout <order>", "order of the axes of rank 4").choices(["BHLD", "BLHD"]).default("BHLD"),
  new Option("--num-heads <number>", "heads of tensors [B, L, H·D]").argParser(integer(1)),
  new Option("--num-kv-heads <number>", "their key and value heads (default: --num-heads)").argParser(integer(1)),
  new Option("--scale <number>", "factor of the scores (default: 1/√D)").argParser(number),
  new Option("--softcap <number>", "bound of the scores, 0 for none").argParser(number).default(0),
  new Option("--left-window <number>", "hide keys more than so many before the query, -1 for none").argParser(
    integer(-1),
  ),
  new Option("--right-window <number>", "hide keys more than so many after it, -1 for none").argParser(integer(-1)),
  new Option("--causal-alignment <corner>", "where the diagonal of causal and windows begins or ends")
    .choices(["upper-left", "lower-right"])
    .default("upper-left"),
];

/**
 * @typedef {{ causal?: boolean, json?: boolean, deterministic?: boolean }} CommonOptions
 * @typedef {{ head?: number, heads: number, seed: number, maxTokens: number, svg?: string,
 *   width?: number, color: boolean }} TextOptions
 * @typedef {{ out?: string, weights?: boolean, layout: "BHLD" | "BLHD", numHeads?: number, numKvHeads?: number,
 *   scale?: number, softcap: number, leftWindow?: number, rightWindow?: number,
 *   causalAlignment: "upper-left" | "lower-right" }} TensorOptions
 * @typedef {{ kind: "text", text: string | undefined, options: CommonOptions & TextOptions & { embedDim: number } }
 *   | { kind: "standard input", options: CommonOptions & TextOptions & { embedDim: number } }
 *   | { kind: "tensors", file: string, options: CommonOptions & TensorOptions }} Request
 */

const program = new Command("npm start --")
  .description(
    `Shows the attention weights of a text as a heatmap: of the argument, of standard input, or of "${EXAMPLE_TEXT}".\n` +
      "Or computes attention on the tensors of a .safetensors file.",
  )
  .argument("[input...]", "a text, - for standard input, or a .safetensors file")
  .option("--causal", "hide what comes after the token that attends")
  .option("--json", "print the result as JSON")
  .option("--deterministic", "compute with separate arithmetic: equal bits on every machine")
  .helpOption("-h, --help", "show this help")
  .addHelpText("after", EXAMPLES)
  .configureHelp({ helpWidth: Math.min(process.stdout.columns || HELP_WIDTH, HELP_WIDTH) })
  .configureOutput({ outputError: (text, write) => write(`${printable(text)}\n`) });
for (const option of textOptions) program.addOption(option.helpGroup("For texts:"));
for (const option of tensorOptions) program.addOption(option.helpGroup("For .safetensors files:"));

/**
 * Ends the program with one line on standard error.
 * @param {string} message
 * @returns {never}
 */
export const failWith = (message) => program.error(`error: ${message}`);

/** @param {readonly Option[]} options @param {string} kind */
function refuse(options, kind) {
  for (const option of options) {
    if (program.getOptionValueSource(option.attributeName()) === "cli") {
      failWith(`option '${option.long}' is not for ${kind}`);
    }
  }
}

/**
 * Reads the command line; where it is wrong, or asks for help, the program ends here.
 * @param {readonly string[]} parameters
 * @returns {Request}
 */
export function readCommandLine(parameters) {
  program.parse(parameters, { from: "user" });
  /** @type {string[]} */
  const inputs = program.args;
  const files = inputs.filter((input) => /\.safetensors$/i.test(input));
  if (files.length > 0) {
    if (inputs.length > 1) failWith(`expected a text or one .safetensors file, got ${inputs.join(" ")}`);
    refuse(textOptions, ".safetensors files");
    /** @type {CommonOptions & TensorOptions} */
    const options = program.opts();
    if (options.weights && options.out === undefined) failWith("option '--weights' needs '--out <file>'");
    const file = userPath(files[0]);
    if (options.out !== undefined && resolve(options.out) === resolve(file)) {
      failWith("option '--out <file>' names the input");
    }
    return { kind: "tensors", file, options };
  }
  refuse(tensorOptions, "texts");
  /** @type {CommonOptions & TextOptions & { embedDim?: number }} */
  const options = program.opts();
  const { heads, head } = options;
  // Halves, and heads, of pairs.
  const step = heads % 2 === 0 ? 2 * heads : 4 * heads;
  const embedDim = options.embedDim ?? Math.ceil(USUAL_EMBEDDING / step) * step;
  if (embedDim % step !== 0) {
    failWith(`option '--embed-dim <number>': expected a multiple of ${step} for ${heads} heads, got ${embedDim}`);
  }
  if (head !== undefined && head >= heads) {
    failWith(`option '--head <number>': expected a head from 0 to ${heads - 1}, got ${head}`);
  }
  if (inputs.length === 1 && inputs[0] === "-") return { kind: "standard input", options: { ...options, embedDim } };
  return { kind: "text", text: inputs.length === 0 ? undefined : inputs.join(" "), options: { ...options, embedDim } };
}
