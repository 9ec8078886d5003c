// What a request may ask, and everything that can be wrong with it.
import { sentencesOf, tokenize } from "./tokens.js";

export const MOST_BYTES = 64 * 1024;
export const MOST_TOKENS = 512;
export const MOST_QUERY_TOKENS = 64;
export const MOST_TOP = 20;
const USUAL_TOP = 5;

/** A request that gets a status from 400 to 499. */
export class RequestError extends Error {
  /**
   * @param {number} status
   * @param {string} code for programs
   * @param {string} message for people
   * @param {Readonly<Record<string, string>>} [headers]
   */
  constructor(status, code, message, headers) {
    super(message);
    this.status = status;
    this.code = code;
    this.headers = headers;
  }
}

const tooLarge = () => new RequestError(413, "body-too-large", `expected a body of at most ${MOST_BYTES} bytes`);

/** @param {Request} request */
function checkHead({ method, headers }) {
  if (method !== "POST") {
    throw new RequestError(405, "method-not-allowed", `expected POST, got ${method}`, { allow: "POST" });
  }
  const type = headers.get("content-type") ?? "no content type";
  if (!/^application\/json\s*(;|$)/i.test(type)) {
    throw new RequestError(415, "unsupported-media-type", `expected application/json, got ${type}`);
  }
  const encoding = headers.get("content-encoding") ?? "identity";
  if (encoding !== "identity") {
    throw new RequestError(415, "unsupported-encoding", `expected a body that is not compressed, got ${encoding}`);
  }
  // Refuses the honest ones before they are read.
  if (Number(headers.get("content-length") ?? 0) > MOST_BYTES) throw tooLarge();
}

/**
 * The body, of which no more than the limit is ever held: its length may be unknown, or a lie.
 * @param {Request} request
 */
async function readBytes({ body }) {
  const bytes = new Uint8Array(MOST_BYTES);
  let length = 0;
  const reader = body?.getReader();
  while (reader !== undefined) {
    const { done, value } = await reader.read();
    if (done) break;
    if (length + value.length > MOST_BYTES) {
      // Not awaited: where a host reads along, this is done only when the host is.
      reader.cancel().catch(() => {});
      throw tooLarge();
    }
    bytes.set(value, length);
    length += value.length;
  }
  return bytes.subarray(0, length);
}

/** @param {Uint8Array} bytes */
function parse(bytes) {
  /** @type {unknown} */
  let content;
  try {
    content = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    throw new RequestError(400, "malformed-json", "expected a body of JSON in UTF-8");
  }
  if (typeof content !== "object" || content === null || Array.isArray(content)) {
    throw new RequestError(400, "malformed-request", 'expected an object, { "text": "…" }');
  }
  return /** @type {Record<string, unknown>} */ (content);
}

/**
 * The tokens of a member, in sentences.
 * @param {"text" | "query"} name
 * @param {unknown} value
 * @param {number} most
 */
function readText(name, value, most) {
  if (typeof value !== "string") {
    throw new RequestError(400, "malformed-request", `${name}: expected a string`);
  }
  const sentences = sentencesOf(value)
    .map((sentence) => ({ text: sentence, tokens: tokenize(sentence) }))
    .filter(({ tokens }) => tokens.length > 0);
  const count = sentences.reduce((sum, { tokens }) => sum + tokens.length, 0);
  if (count === 0) {
    throw new RequestError(400, "empty-text", `${name}: expected at least one word or punctuation mark`);
  }
  if (count > most) {
    throw new RequestError(413, "too-many-tokens", `${name}: expected at most ${most} tokens, got ${count}`);
  }
  return sentences;
}

/** @param {unknown} value */
function readTop(value) {
  if (typeof value === "number" && Number.isInteger(value) && value >= 1 && value <= MOST_TOP) return value;
  throw new RequestError(400, "malformed-request", `top: expected an integer from 1 to ${MOST_TOP}`);
}

/**
 * Reads a request, or throws a RequestError.
 * @param {Request} request
 */
export async function readAttentionRequest(request) {
  checkHead(request);
  const { text, query, top = USUAL_TOP, ...others } = parse(await readBytes(request));
  const [unknown] = Object.keys(others);
  if (unknown !== undefined) {
    throw new RequestError(400, "malformed-request", `${unknown}: expected nothing but text, query and top`);
  }
  return {
    text: readText("text", text, MOST_TOKENS),
    query: query === undefined ? undefined : readText("query", query, MOST_QUERY_TOKENS),
    top: readTop(top),
  };
}
