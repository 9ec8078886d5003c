// Answers `attend?text=…` from inside the browser, and keeps the page's files, so that both work without a network.
//
// A browser stops this worker whenever it has nothing to do, and starts it again for the next event. So nothing here
// lives longer than an event, but for what can be made again: the runtime, by `init`.
import { attendFromQuery, attendWithin } from "./text-attention.js";
import { sentencesOf, tokenize } from "./tokens.js";
import { init } from "./wasm-attention.js";

/** To be changed with the files: a browser that has them asks for them again only then. */
const CACHE = "attention-1";
/** What the page itself loads. What this worker imports the browser keeps along with it. */
const FILES = ["./", "page.js", "elements.js", "style.css"];

const MOST_TOKENS = 512;
const TOP = 5;

/**
 * @typedef {Event & { waitUntil(promise: Promise<unknown>): void }} ExtendableEvent
 * @typedef {ExtendableEvent & { request: Request, respondWith(response: Promise<Response>): void }} FetchEvent
 * @typedef {object} ServiceWorkerScope
 * @property {(type: "install" | "activate", listener: (event: ExtendableEvent) => void) => void} addEventListener
 * @property {{ scope: string }} registration
 * @property {{ claim(): Promise<void> }} clients
 * @property {() => Promise<void>} skipWaiting
 */
const worker = /** @type {ServiceWorkerScope} */ (/** @type {unknown} */ (self));

/** A request that gets a status from 400 to 499. */
class RequestError extends Error {
  /** @param {number} status @param {string} code for programs @param {string} message for people */
  constructor(status, code, message) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/** @param {string} name @param {string | null} value */
function readText(name, value) {
  if (value === null) throw new RequestError(400, "malformed-request", `expected attend?${name}=…`);
  const sentences = sentencesOf(value)
    .map((text) => ({ text, tokens: tokenize(text) }))
    .filter(({ tokens }) => tokens.length > 0);
  const count = sentences.reduce((sum, { tokens }) => sum + tokens.length, 0);
  if (count === 0) throw new RequestError(400, "empty-text", `${name}: expected at least one word or punctuation mark`);
  if (count > MOST_TOKENS) {
    throw new RequestError(413, "too-many-tokens", `${name}: expected at most ${MOST_TOKENS} tokens, got ${count}`);
  }
  return sentences;
}

/** @param {Request} request */
async function attend({ method, url }) {
  if (method !== "GET") throw new RequestError(405, "method-not-allowed", `expected GET, got ${method}`);
  const { searchParams } = new URL(url);
  const text = readText("text", searchParams.get("text"));
  const query = searchParams.get("query");
  await init();
  return query === null ? attendWithin(text, TOP) : attendFromQuery(readText("query", query), text, TOP);
}

/** @param {Request} request */
async function answer(request) {
  try {
    return Response.json({ ...(await attend(request)), trained: false });
  } catch (error) {
    if (error instanceof RequestError) {
      const { status, code, message } = error;
      const headers = status === 405 ? { allow: "GET" } : undefined;
      return Response.json({ error: { code, message } }, { status, headers });
    }
    // An error of the package says what this browser lacks.
    const message = error instanceof Error ? error.message : String(error);
    return Response.json({ error: { code: "failed", message } }, { status: 500 });
  }
}

/** @param {Request} request */
const fileOf = async (request) => (await caches.match(request)) ?? fetch(request);

async function install() {
  const cache = await caches.open(CACHE);
  // Past the browser's own cache, where older ones may be.
  await cache.addAll(FILES.map((file) => new Request(file, { cache: "reload" })));
  await worker.skipWaiting();
}

async function activate() {
  const names = await caches.keys();
  await Promise.all(names.filter((name) => name !== CACHE).map((name) => caches.delete(name)));
  await worker.clients.claim();
}

worker.addEventListener("install", (event) => event.waitUntil(install()));
worker.addEventListener("activate", (event) => event.waitUntil(activate()));
self.addEventListener("fetch", (event) => {
  const fetchEvent = /** @type {FetchEvent} */ (event);
  const { request } = fetchEvent;
  const { origin, pathname } = new URL(request.url);
  const own = new URL("attend", worker.registration.scope);
  if (origin !== own.origin) return;
  fetchEvent.respondWith(pathname === own.pathname ? answer(request) : fileOf(request));
});
