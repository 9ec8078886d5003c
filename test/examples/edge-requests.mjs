// What the edge functions are asked: a thousand texts, and everything that is wrong with a request.

const words = (
  "attention weights the a of and language model sentence reads running runs dogs cat cats mat quickly forest forests Straße " +
  "naïve café Übung Ελληνικά привет мир שלום مرحبا こんにちは 東京 你好 世界 नमस्ते 👩‍👩‍👧 🎉 🇪🇺 3.14 e-mail don't"
).split(" ");
const ends = [".", "!", "?", "…", ", ", "; "];

/** Numbers from 0 to 1, always the same ones (xorshift32). @param {number} seed */
function uniform(seed) {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

/**
 * Requests of varying length and language, every fourth with a query.
 * @param {number} count
 */
export function variedRequests(count) {
  const random = uniform(1);
  /** @param {number} length */
  const text = (length) =>
    Array.from({ length }, () => {
      const word = words[Math.floor(random() * words.length)];
      return random() < 0.1 ? word + ends[Math.floor(random() * ends.length)] : word;
    }).join(" ");
  return Array.from({ length: count }, (_, index) => ({
    // Mostly short, some near the limit of 512 tokens; a word can be four.
    text: text(1 + Math.floor(400 * random() ** 2)),
    ...(index % 4 === 3 ? { query: text(1 + Math.floor(8 * random())) } : {}),
    ...(index % 3 === 2 ? { top: 1 + Math.floor(20 * random()) } : {}),
  }));
}

const LIMIT = 64 * 1024;
const json = { "content-type": "application/json" };
/** @param {number} count */
const tokens = (count) => Array.from({ length: count }, (_, index) => `w${index}`).join(" ");
/** A request of so many bytes, most of them spaces. @param {number} length */
const padded = (length) => '{ "text": "a cat" }'.padEnd(length);

/**
 * @typedef {{ name: string, status: number, code?: string, allow?: string,
 *   content: Parameters<typeof import("./http-client.mjs").send>[1] }} EdgeCase
 */

/** @type {EdgeCase[]} */
export const edgeCases = [
  { name: "GET", status: 405, code: "method-not-allowed", allow: "POST", content: { method: "GET" } },
  { name: "DELETE", status: 405, code: "method-not-allowed", allow: "POST", content: { method: "DELETE" } },
  { name: "no content type", status: 415, code: "unsupported-media-type", content: { headers: {}, body: padded(30) } },
  {
    name: "plain text",
    status: 415,
    code: "unsupported-media-type",
    content: { headers: { "content-type": "text/plain" }, body: padded(30) },
  },
  {
    name: "a type that begins like JSON's",
    status: 415,
    code: "unsupported-media-type",
    content: { headers: { "content-type": "application/json-patch+json" }, body: padded(30) },
  },
  {
    name: "compressed",
    status: 415,
    code: "unsupported-encoding",
    content: { headers: { ...json, "content-encoding": "br" }, body: padded(30) },
  },
  ...["", "hello", '{"text": "a', "{'text': 'a'}", "[".repeat(60_000)].map((body) => ({
    name: `not JSON: ${body.slice(0, 12)}`,
    status: 400,
    code: "malformed-json",
    content: { body },
  })),
  {
    name: "not UTF-8",
    status: 400,
    code: "malformed-json",
    content: { body: Buffer.from([0x7b, 0x22, 0x74, 0xff, 0x22, 0x7d]) },
  },
  ...[
    null,
    [],
    "text",
    5,
    {},
    { text: 5 },
    { text: null },
    { text: ["a"] },
    { text: "a", query: null },
    { text: "a", query: 5 },
    ...[0, -1, 1.5, 21, 1e9, "5", null].map((top) => ({ text: "a", top })),
    { text: "a", txet: "b" },
  ].map((content) => ({
    name: JSON.stringify(content),
    status: 400,
    code: "malformed-request",
    content: { body: JSON.stringify(content) },
  })),
  {
    name: "__proto__",
    status: 400,
    code: "malformed-request",
    content: { body: '{"text": "a", "__proto__": {"top": 3}}' },
  },
  ...[{ text: "" }, { text: " \n\t\u200b\u0000" }, { text: "a", query: "  " }, { text: "\ud800" }].map((content) => ({
    name: `nothing to read: ${JSON.stringify(content)}`,
    status: 400,
    code: "empty-text",
    content: { body: JSON.stringify(content) },
  })),
  ...[LIMIT + 1, 5_000_000].flatMap((length) => [
    {
      name: `${length} bytes`,
      status: 413,
      code: "body-too-large",
      content: { body: padded(length) },
    },
    {
      name: `${length} bytes of unknown length`,
      status: 413,
      code: "body-too-large",
      content: { body: padded(length), hasLength: false },
    },
  ]),
  {
    name: "513 tokens",
    status: 413,
    code: "too-many-tokens",
    content: { body: JSON.stringify({ text: tokens(513) }) },
  },
  {
    name: "query of 65 tokens",
    status: 413,
    code: "too-many-tokens",
    content: { body: JSON.stringify({ text: "a", query: tokens(65) }) },
  },
  // What is just right.
  { name: "64 KiB", status: 200, content: { body: padded(LIMIT) } },
  { name: "64 KiB in parts", status: 200, content: { body: padded(LIMIT), hasLength: false } },
  { name: "512 tokens", status: 200, content: { body: JSON.stringify({ text: tokens(512), query: tokens(64) }) } },
  { name: "512 tokens, itself", status: 200, content: { body: JSON.stringify({ text: tokens(512) }) } },
  { name: "one token of 60,000 letters", status: 200, content: { body: JSON.stringify({ text: "a".repeat(60_000) }) } },
  {
    name: "a charset",
    status: 200,
    content: { headers: { "content-type": "Application/JSON; charset=utf-8" }, body: padded(30) },
  },
];
