// Attention on real input, and the weights as a heatmap: `npm start -- --help`.
import { writeFile } from "node:fs/promises";
import { WriteStream } from "node:tty";
import { init } from "wasm-attention";
import { EXAMPLE_TEXT, failWith, readCommandLine } from "./command-line.mjs";
import { embedTokens } from "./embedding.mjs";
import { CommandError, fileError, messageOf } from "./errors.mjs";
import { attend, headPurposes } from "./self-attention.mjs";
import { printable, truncate, wrap } from "./labels.mjs";
import { readPipedText, readStandardInput } from "./standard-input.mjs";
import { MOST_SVG_TOKENS, svgHeatmap } from "./svg-heatmap.mjs";
import { attendToFile } from "./tensors.mjs";
import { terminalHeatmap } from "./terminal-heatmap.mjs";
import { formatTime, formatTimes } from "./timing.mjs";
import { tokenize } from "./tokens.mjs";

/** @typedef {import("./command-line.mjs").Request} Request */

/** Where no terminal says how wide it is. */
const DEFAULT_WIDTH = 100;

/** @param {string} text */
const print = (text) => process.stdout.write(`${text}\n`);

/** What the terminal shows, as chalk counts it: 3 all colours, 2 256 of them, 0 none. */
function colorLevel() {
  const { NO_COLOR: forbidden, FORCE_COLOR: forced } = process.env;
  if (forbidden || !(process.stdout.isTTY || forced)) return 0;
  const bits = WriteStream.prototype.getColorDepth(process.env);
  // Where 16 colours are announced there are 256 nowadays, and a scale needs them.
  if (bits === 24) return 3;
  return bits === 1 ? 0 : 2;
}

/** @param {string} file @param {string | Uint8Array} content */
async function write(file, content) {
  try {
    await writeFile(file, content);
  } catch (error) {
    throw fileError("write", file, error);
  }
}

/** @param {boolean} [deterministic] */
async function start(deterministic = false) {
  const begin = performance.now();
  const { arithmetic, threads, version } = await init(deterministic ? { deterministic } : {});
  return { runtime: { arithmetic, threads, version }, milliseconds: performance.now() - begin };
}

/** @param {number} count @param {string} noun */
const counted = (count, noun) => `${count} ${noun}${count === 1 ? "" : "s"}`;

/** @param {{ arithmetic: string, threads: number, version: string }} runtime */
function formatRuntime({ arithmetic, threads, version }) {
  const build = arithmetic === "fused" ? "fused arithmetic, relaxed SIMD" : "separate arithmetic, SIMD";
  return `wasm-attention ${version}, ${build}, ${counted(threads, "thread")}.`;
}

/** @param {readonly string[]} purposes @param {number | undefined} head */
function explain(purposes, head) {
  if (head !== undefined) return `head ${head} compares ${purposes[head]}`;
  /** @param {string} purpose */
  const headsOf = (purpose) => {
    const heads = purposes.flatMap((candidate, index) => (candidate === purpose ? [index] : []));
    const names = heads.length > 2 ? `${heads[0]} to ${heads.at(-1)}` : heads.join(" and ");
    return heads.length === 1 ? `head ${names} compares ${purpose}` : `heads ${names} compare ${purpose}`;
  };
  return [...new Set(purposes)].map(headsOf).join(", ");
}

/**
 * Attention of a text to itself.
 * @param {string} text
 * @param {Extract<Request, { kind: "text" }>["options"]} options
 */
async function showText(text, options) {
  const { head, heads, embedDim, seed, causal = false } = options;
  const tokensInText = tokenize(text);
  if (tokensInText.length === 0) throw new CommandError("the text is empty: expected a word or a punctuation mark");
  const tokens = tokensInText.slice(0, options.maxTokens);

  const { runtime, milliseconds: startTime } = await start(options.deterministic);
  const begin = performance.now();
  const embedded = embedTokens(tokens, embedDim, seed);
  const embeddingTime = performance.now() - begin;
  const { weights, milliseconds } = attend(embedded, { heads, head, causal, seed });

  const purposes = headPurposes(heads);
  const untrained =
    `The projections are untrained: ${explain(purposes, head)}. ` +
    "So much attention means alike in spelling or near in the text, not related in grammar or meaning.";
  const size =
    `${counted(tokens.length, "token")}, ${counted(heads, "head")}, ${head === undefined ? "mean of all" : `head ${head}`}` +
    (causal ? ", causal" : "");
  const cut = tokens.length < tokensInText.length;
  const cutNote = `The text has ${tokensInText.length} tokens: these are the first ${tokens.length} (--max-tokens).`;

  const { svg } = options;
  if (svg !== undefined) {
    const left = tokens.length > MOST_SVG_TOKENS ? [`The picture shows the first ${MOST_SVG_TOKENS} of them.`] : [];
    const captions = [`Rows attend to columns. ${size}.`, ...(cut ? [cutNote] : []), ...left, untrained];
    await write(svg, svgHeatmap(tokens, weights, { causal, title: printable(text), captions }));
  }

  if (options.json) {
    const rows = tokens.map((_, row) =>
      // Nine digits tell any float32 from its neighbours.
      Array.from(weights.subarray(row * tokens.length, (row + 1) * tokens.length), (weight) =>
        Number(weight.toPrecision(9)),
      ),
    );
    const result = {
      text,
      tokens,
      tokensInText: tokensInText.length,
      weights: rows,
      head: head ?? "mean",
      heads: purposes,
      embedDim,
      seed,
      causal,
      trained: false,
      milliseconds: { start: startTime, embedding: embeddingTime, attention: milliseconds },
      runtime,
    };
    print(JSON.stringify(result));
    return;
  }

  const width = options.width ?? (process.stdout.columns || DEFAULT_WIDTH);
  const picture = terminalHeatmap(tokens, weights, { causal, width, colorLevel: options.color ? colorLevel() : 0 });
  print(truncate(`"${printable(text)}"`, width));
  print(`${size}; rows attend to columns\n`);
  print(`${picture.text}\n`);
  const room = `There is room for the first ${picture.shown} of ${tokens.length} tokens; --width, --svg and --json show more.`;
  const times =
    `${formatTimes(milliseconds)}, the embedding ${formatTime(embeddingTime)}, the start of the runtime ` +
    `${formatTime(startTime)}.`;
  const notes = [cut && cutNote, picture.shown < tokens.length && room, untrained, times, formatRuntime(runtime)];
  for (const note of notes) if (note) for (const line of wrap(note, width)) print(line);
  if (svg !== undefined) print(`Wrote ${svg}.`);
}

/**
 * Attention on a user's own queries, keys and values.
 * @param {string} file
 * @param {Extract<Request, { kind: "tensors" }>["options"]} options
 */
async function computeFile(file, options) {
  const { runtime } = await start(options.deterministic);
  const { layout, numHeads, numKvHeads, scale, softcap, leftWindow, rightWindow, causalAlignment } = options;
  const { inputs, ignored, outputs, preview, save, milliseconds } = await attendToFile(file, {
    isCausal: options.causal,
    causalAlignment,
    layout,
    numHeads,
    numKvHeads,
    scale,
    softcap,
    leftWindowSize: leftWindow,
    rightWindowSize: rightWindow,
    needWeights: options.weights,
  });
  const { out } = options;
  if (out !== undefined) await write(out, save());
  if (options.json) {
    print(JSON.stringify({ file, inputs, ignored, outputs, out, milliseconds, runtime }));
    return;
  }
  for (const { name, dtype, shape } of [...inputs, ...outputs]) {
    print(`${name.padEnd(10)} ${dtype.padEnd(8)} [${shape.join(", ")}]`);
  }
  if (ignored.length > 0) print(`not used: ${ignored.join(", ")}`);
  if (out === undefined) print(`\n${preview}\n`);
  print(`${formatTimes(milliseconds)}.`);
  print(formatRuntime(runtime));
  if (out !== undefined) print(`Wrote ${out}.`);
}

/** @param {Request} request */
async function run(request) {
  if (request.kind === "tensors") return computeFile(request.file, request.options);
  const { options } = request;
  if (request.kind === "standard input") return showText(await readStandardInput(), options);
  return showText(request.text ?? (await readPipedText()) ?? EXAMPLE_TEXT, options);
}

// Whoever reads the output may have seen enough.
process.stdout.on("error", (/** @type {NodeJS.ErrnoException} */ error) => {
  if (error.code !== "EPIPE") throw error;
  process.exit(0);
});

try {
  await run(readCommandLine(process.argv.slice(2)));
} catch (error) {
  failWith(messageOf(error));
}
