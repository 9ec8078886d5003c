// Servers on this machine alone, at a free port: of a folder, of a built Next.js application, and of a Cloudflare Worker.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, writeFileSync } from "node:fs";
import { extname, join } from "node:path";
import sirv from "sirv";
import workerd from "workerd";
import { listen } from "../../scripts/local-server.mjs";
import { environment, tools } from "./projects.mjs";

/** @typedef {import("../../scripts/local-server.mjs").Server} Server */

/** @param {string} folder */
export const serveFolder = (folder) => listen(sirv(folder, { dev: true }));

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

/** How Cloudflare's runtime takes the files of a Worker, as `wrangler deploy` uploads them. */
const moduleKinds = new Map([
  [".js", "esModule"],
  [".mjs", "esModule"],
  [".wasm", "wasm"],
]);

/**
 * @param {string} folder what a bundler wrote
 * @param {string} main the file in it that starts the Worker
 * @param {string} compatibilityDate
 * @returns {Promise<Server>}
 */
export async function startWorker(folder, main, compatibilityDate) {
  const others = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((path) => path !== main);
  const modules = [main, ...others].flatMap((path) => {
    const kind = moduleKinds.get(extname(path));
    return kind === undefined ? [] : [`(name = "${path}", ${kind} = embed "${path}")`];
  });
  const configuration = join(folder, `${compatibilityDate}.capnp`);
  writeFileSync(
    configuration,
    `using Workerd = import "/workerd/workerd.capnp";
    const config :Workerd.Config = (
      services = [(name = "main", worker = (compatibilityDate = "${compatibilityDate}", modules = [${modules.join(", ")}]))],
      sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")],
    );\n`,
  );
  const server = spawn(workerd.default, ["serve", configuration, "--control-fd=3"], {
    stdio: ["ignore", "inherit", "inherit", "pipe"],
  });
  const ended = once(server, "exit");
  const address = await new Promise((resolve, reject) => {
    let said = "";
    /** @type {import("node:stream").Readable} */ (server.stdio[3]).on("data", (chunk) => {
      said += chunk;
      const [, port] = /"port":(\d+)/.exec(said) ?? [];
      if (port !== undefined) resolve(`http://127.0.0.1:${port}/`);
    });
    ended.then(() => reject(new Error("workerd ended before it listened")), reject);
  });
  return {
    address,
    close() {
      server.kill();
      return ended;
    },
  };
}
