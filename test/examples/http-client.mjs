// Requests as they come over a wire: with any header, and a body with or without its length.
import { Agent, request } from "node:http";
import { setTimeout } from "node:timers/promises";

/** A host that says nothing for so long hangs. */
const TIMEOUT_IN_MILLISECONDS = 30_000;

const agent = new Agent({ keepAlive: true });

/** @typedef {{ status: number, headers: import("node:http").IncomingHttpHeaders, body: string, milliseconds: number }} Answer */

/** What is sent before a pause in which a server may refuse the rest. */
const FIRST_PART = 128 * 1024;
const PAUSE_IN_MILLISECONDS = 5000;

/**
 * Writes a body, but the rest of a long one only if no answer comes to its beginning: a server that refuses a body may
 * close the connection, and what is written to a closed one takes the answer with it.
 * @param {import("node:http").ClientRequest} outgoing
 * @param {Uint8Array} body
 */
async function write(outgoing, body) {
  outgoing.write(body.subarray(0, FIRST_PART));
  if (body.length > FIRST_PART) {
    const isAnswered = new Promise((resolve) => outgoing.once("response", () => resolve(true)));
    if (await Promise.race([isAnswered, setTimeout(PAUSE_IN_MILLISECONDS, false)])) return;
    outgoing.write(body.subarray(FIRST_PART));
  }
  outgoing.end();
}

/**
 * Sends a request and waits for the end of its answer.
 * @param {string} url
 * @param {{ method?: string, headers?: Record<string, string>, body?: string | Uint8Array, hasLength?: boolean }} content
 *   `hasLength`: whether the length of the body is told beforehand
 * @returns {Promise<Answer>}
 */
export function send(url, content) {
  const { method = "POST", headers = { "content-type": "application/json" }, body = "", hasLength = true } = content;
  const bytes = Buffer.from(body);
  const length = hasLength && method === "POST" ? { "content-length": String(bytes.length) } : {};
  return new Promise((resolve, reject) => {
    const start = performance.now();
    const outgoing = request(url, { method, agent, headers: { ...headers, ...length } }, (incoming) => {
      /** @type {Buffer[]} */
      const parts = [];
      incoming.on("data", (part) => parts.push(part));
      incoming.on("error", reject);
      incoming.on("end", () => {
        const milliseconds = performance.now() - start;
        // The rest of a body that wasn't wanted would be taken for the next request.
        if (!outgoing.writableEnded) outgoing.destroy();
        const { statusCode: status = 0, headers: answered } = incoming;
        resolve({ status, headers: answered, body: Buffer.concat(parts).toString(), milliseconds });
      });
    });
    outgoing.on("error", reject);
    outgoing.setTimeout(TIMEOUT_IN_MILLISECONDS, () => outgoing.destroy(new Error("no answer came")));
    void write(outgoing, bytes);
  });
}
