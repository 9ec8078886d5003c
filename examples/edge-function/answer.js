// From a request to its answer: attention over the text that it brings. Nothing but what every edge host has.
import { readAttentionRequest, RequestError } from "./attention-request.js";
import { attendFromQuery, attendWithin } from "./text-attention.js";
import { init, memoryUsage } from "./wasm-attention.js";

/**
 * @param {number} status
 * @param {object} content
 * @param {Readonly<Record<string, string>>} [headers]
 */
const json = (status, content, headers) =>
  new Response(JSON.stringify(content), {
    status,
    headers: { "content-type": "application/json; charset=utf-8", "cache-control": "no-store", ...headers },
  });

/**
 * Answers with the attention, or with a status and `{ error: { code, message } }` that say what is wrong.
 * @param {Request} request
 * @param {WebAssembly.Module} module `wasm-attention/separate.wasm`. Its arithmetic is the one that all hosts have, so
 *   that a request has the same answer on each.
 */
export async function answer(request, module) {
  try {
    const { text, query, top } = await readAttentionRequest(request);
    // The first request of an isolate starts the runtime; later ones find it.
    await init({ module });
    const attention = query === undefined ? attendWithin(text, top) : attendFromQuery(query, text, top);
    // What tensors hold between requests: it grows if one is forgotten.
    return json(200, { ...attention, trained: false }, { "x-bytes-in-use": String(memoryUsage().bytesInUse) });
  } catch (error) {
    if (error instanceof RequestError) {
      const { status, code, message, headers } = error;
      return json(status, { error: { code, message } }, headers);
    }
    console.error(error);
    return json(500, { error: { code: "internal", message: "the function failed; its log says why" } });
  }
}
