// A server on this machine alone, at a free port: for tests that drive a browser.
import { once } from "node:events";
import { createServer } from "node:http";

/** @typedef {{ address: string, close: () => unknown }} Server */

/** @param {import("node:http").RequestListener} answer @returns {Promise<Server>} */
export async function listen(answer) {
  const server = createServer(answer);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
  return {
    address: `http://127.0.0.1:${port}/`,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}
