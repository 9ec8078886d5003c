import { WriteStream } from "node:tty";
import { embedTokens } from "./embedding.mjs";
import { CommandError } from "./errors.mjs";
import { printable, truncate, wrap } from "./labels.mjs";
import { print, write } from "./output.mjs";
import { formatRuntime, startRuntime } from "./runtime.mjs";
import { attend, headPurposes } from "./self-attention.mjs";
import { MOST_SVG_TOKENS, svgHeatmap } from "./svg-heatmap.mjs";
import { terminalHeatmap } from "./terminal-heatmap.mjs";
import { formatTime, formatTimes } from "./timing.mjs";
import { tokenize } from "./tokens.mjs";

/** Where no terminal says how wide it is. */
const DEFAULT_WIDTH = 100;

/** What the terminal shows, as chalk counts it: 3 all colours, 2 256 of them, 0 none. */
function colorLevel() {
  const { NO_COLOR: forbidden, FORCE_COLOR: forced } = process.env;
  if (forbidden || !(process.stdout.isTTY || forced)) return 0;
  const bits = WriteStream.prototype.getColorDepth(process.env);
  // Where 16 colours are announced there are 256 nowadays, and a scale needs them.
  if (bits === 24) return 3;
  return bits === 1 ? 0 : 2;
}

/** @param {number} count @param {string} noun */
const counted = (count, noun) => `${count} ${noun}${count === 1 ? "" : "s"}`;

/** What much attention means, by what a head compares. */
const meanings = new Map([
  ["spelling", "alike in spelling"],
  ["nearness", "near in the text"],
  ["spelling and nearness", "alike in spelling or near in the text"],
]);

/**
 * What the picture shows.
 * @param {readonly string[]} purposes of all heads
 * @param {number | undefined} head the one that is shown, or all
 */
function explain(purposes, head) {
  const shown = head === undefined ? purposes : [purposes[head]];
  const distinct = [...new Set(shown)];
  const comparisons = distinct.map((purpose) => {
    const heads = purposes.flatMap((candidate, index) => (candidate === purpose ? [index] : []));
    if (head !== undefined || heads.length === 1) return `head ${head ?? heads[0]} compares ${purpose}`;
    const joint = heads.length === 2 ? " and " : " to ";
    return `heads ${heads[0]}${joint}${heads.at(-1)} compare ${purpose}`;
  });
  const meaning = distinct.map((purpose) => meanings.get(purpose)).join(" or ");
  return (
    `The projections are untrained: ${comparisons.join(", ")}. ` +
    `So much attention means ${meaning}, not related in grammar or meaning.`
  );
}

/**
 * Attention of a text to itself.
 * @param {string} text
 * @param {Extract<import("./command-line.mjs").Request, { kind: "text" }>["options"]} options
 */
export async function showText(text, options) {
  const { head, heads, embedDim, seed, causal = false } = options;
  const tokensInText = tokenize(text);
  if (tokensInText.length === 0) throw new CommandError("the text is empty: expected a word or a punctuation mark");
  const tokens = tokensInText.slice(0, options.maxTokens);

  const { runtime, milliseconds: startTime } = await startRuntime(options.deterministic);
  const begin = performance.now();
  const embedded = embedTokens(tokens, embedDim, seed);
  const embeddingTime = performance.now() - begin;
  const { weights, milliseconds } = attend(embedded, { heads, head, causal, seed });

  const purposes = headPurposes(heads);
  const untrained = explain(purposes, head);
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
  for (const line of wrap(`${size}; rows attend to columns`, width)) print(line);
  print(`\n${picture.text}\n`);
  const room = `There is room for the first ${picture.shown} of ${tokens.length} tokens; --width, --svg and --json show more.`;
  const times =
    `${formatTimes(milliseconds)}, the embedding ${formatTime(embeddingTime)}, the start of the runtime ` +
    `${formatTime(startTime)}.`;
  const notes = [cut && cutNote, picture.shown < tokens.length && room, untrained, times, formatRuntime(runtime)];
  for (const note of notes) if (note) for (const line of wrap(note, width)) print(line);
  if (svg !== undefined)
    print(`Wrote ${svg}${tokens.length > MOST_SVG_TOKENS ? `, the first ${MOST_SVG_TOKENS} tokens` : ""}.`);
}
