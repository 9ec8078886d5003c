// Requests as they come over a wire: with any header, and a body with or without its length.
import { Agent, request } from "node:http";

const agent = new Agent({ keepAlive: true });

/** @typedef {{ status: number, headers: import("node:http").IncomingHttpHeaders, body: string, milliseconds: number }} Answer */

/**
 * Sends a request and waits for the end of its answer. A string or bytes go with their length; an array of parts goes
 * without.
 * @param {string} url
 * @param {{ method?: string, headers?: Record<string, string>, body?: string | Uint8Array | readonly Uint8Array[] }} content
 * @returns {Promise<Answer>}
 */
export function send(url, { method = "POST", headers = { "content-type": "application/json" }, body = "" }) {
  return new Promise((resolve, reject) => {
    const start = performance.now();
    const hasLength = !Array.isArray(body);
    const length = hasLength && method === "POST" ? { "content-length": String(Buffer.byteLength(body)) } : {};
    const outgoing = request(url, { method, agent, headers: { ...headers, ...length } }, (incoming) => {
      /** @type {Buffer[]} */
      const parts = [];
      incoming.on("data", (part) => parts.push(part));
      incoming.on("error", reject);
      incoming.on("end", () =>
        resolve({
          status: incoming.statusCode ?? 0,
          headers: incoming.headers,
          body: Buffer.concat(parts).toString(),
          milliseconds: performance.now() - start,
        }),
      );
    });
    outgoing.on("error", reject);
    if (hasLength) outgoing.end(method === "POST" ? body : undefined);
    else {
      for (const part of body) outgoing.write(part);
      outgoing.end();
    }
  });
}
