// Requests as they come over a wire: with any header, and a body with or without its length.
import { Agent, request } from "node:http";
import { setTimeout } from "node:timers/promises";

const agent = new Agent({ keepAlive: true });

/** @typedef {{ status: number, headers: import("node:http").IncomingHttpHeaders, body: string, milliseconds: number }} Answer */

const PART = 16 * 1024;

/**
 * Writes a body part by part until it ends or an answer comes: a server that refuses a body may stop reading it, and what
 * is written to a closed connection takes the answer with it.
 * @param {import("node:http").ClientRequest} outgoing
 * @param {Uint8Array} body
 */
async function write(outgoing, body) {
  let isAnswered = false;
  outgoing.once("response", () => (isAnswered = true));
  for (let start = 0; start < body.length && !isAnswered && !outgoing.destroyed; start += PART) {
    outgoing.write(body.subarray(start, start + PART));
    // Time for an answer to come before the next part.
    if (start + PART < body.length) await setTimeout(1);
  }
  if (!isAnswered) outgoing.end();
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
    void write(outgoing, bytes);
  });
}
