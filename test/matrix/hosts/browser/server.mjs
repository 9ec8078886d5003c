// Serves one row: the clean project and the pages beside it, on an origin of its own, and takes what the page posts back.
import { once } from "node:events";
import { createServer } from "node:http";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import sirv from "sirv";

const pagesFolder = fileURLToPath(new URL("../../pages", import.meta.url));

/**
 * What a page posts when its program has ended.
 * @typedef {{ result: unknown } | { error: string }} Outcome
 */

/**
 * @param {string} folder the clean project
 * @param {Record<string, string>} headers of every answer
 * @param {(line: string) => void} log gets what the page says meanwhile
 */
export async function serve(folder, headers, log) {
  // `dev` reads the folders at each request, and lets nothing be cached.
  const [pages, project] = [pagesFolder, folder].map((root) => sirv(root, { dev: true }));

  /** @type {(outcome: Outcome) => void} */
  let resolveOutcome;
  /** @type {Promise<Outcome>} */
  const outcome = new Promise((resolve) => (resolveOutcome = resolve));

  const server = createServer(async (request, response) => {
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
    if (request.method === "POST") {
      const body = await text(request);
      response.writeHead(204).end();
      if (request.url === "/outcome") resolveOutcome(JSON.parse(body));
      else log(body);
      return;
    }
    // Browsers ask for it by themselves.
    if (request.url === "/favicon.ico") {
      response.writeHead(204).end();
      return;
    }
    pages(request, response, () =>
      project(request, response, () => {
        log(`the page asked for ${request.url}, which there is not`);
        response.writeHead(404).end();
      }),
    );
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
  return {
    origin: `http://127.0.0.1:${port}`,
    outcome,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}
