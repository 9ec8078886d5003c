// Servers on this machine alone, at a free port: of a folder, and of a built Next.js application.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import { join } from "node:path";
import sirv from "sirv";
import { environment, tools } from "./projects.mjs";

/** @typedef {{ address: string, close: () => unknown }} Server */

/** @param {string} folder @returns {Promise<Server>} */
export async function serveFolder(folder) {
  const server = createServer(sirv(folder, { dev: true }));
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

/**
 * @param {string} project
 * @param {NodeJS.ProcessEnv} variables
 * @returns {Promise<Server>}
 */
export async function startNext(project, variables) {
  const program = join(tools, "next/dist/bin/next");
  const server = spawn(process.execPath, [program, "start", "--hostname", "127.0.0.1", "--port", "0"], {
    cwd: project,
    env: { ...environment, ...variables },
  });
  const ended = once(server, "exit");
  let printed = "";
  server.stderr.on("data", (chunk) => (printed += chunk));
  const address = await new Promise((resolve, reject) => {
    server.stdout.on("data", (chunk) => {
      printed += chunk;
      const [, found] = /(http:\/\/127\.0\.0\.1:\d+)[^]*Ready/.exec(printed) ?? [];
      if (found !== undefined) resolve(`${found}/`);
    });
    ended.then(() => reject(new Error(`next start\n${printed}`)));
  });
  return {
    address,
    close() {
      server.kill();
      return ended;
    },
  };
}
