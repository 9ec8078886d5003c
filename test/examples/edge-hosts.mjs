// The hosts that run edge functions: Cloudflare's runtime and Vercel's. Each gets the function bundled as its own tools
// would, and serves it over HTTP in a process of its own.
import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { endProcess, startProcess } from "./child-process.mjs";
import { send } from "./http-client.mjs";

/**
 * `collect`: lets the host's engine collect its garbage, which by itself it may put off for hundreds of MB.
 * @typedef {{ name: string, url: string, pid: number, collect: () => Promise<unknown>, stop: () => Promise<void> }} Host
 */

/** The path that stands for that: the test's, not the function's. */
const COLLECT = "collect-garbage";

/**
 * Bundles an entry file. Returns the text and the `.wasm` files that it imports; `replace` turns such an import into a
 * module's text, or the import stays.
 * @param {string} entry
 * @param {Pick<import("esbuild").BuildOptions, "conditions" | "format" | "globalName" | "platform">} options
 * @param {((name: string) => string) | undefined} replace
 */
async function bundle(entry, options, replace) {
  /** @type {Map<string, string>} */
  const wasmFiles = new Map();
  const { outputFiles } = await build({
    ...options,
    entryPoints: [entry],
    bundle: true,
    keepNames: true,
    write: false,
    plugins: [
      {
        name: "wasm-files",
        setup({ onLoad, onResolve, resolve }) {
          onResolve({ filter: /\.wasm(\?module)?$/ }, async ({ path, pluginData, ...where }) => {
            if (pluginData === "resolving") return undefined;
            const found = await resolve(path.replace("?module", ""), { ...where, pluginData: "resolving" });
            if (found.errors.length > 0) return { errors: found.errors };
            const name = basename(found.path);
            wasmFiles.set(name, found.path);
            return replace === undefined ? { path: `./${name}`, external: true } : { path: name, namespace: "wasm" };
          });
          onLoad({ filter: /.*/, namespace: "wasm" }, ({ path }) => ({ contents: replace?.(path) }));
        },
      },
    ],
  });
  return { text: outputFiles[0].text, wasmFiles };
}

/**
 * Starts a program and waits until it says, in a line of JSON, what port it listens on.
 * @param {string} name
 * @param {string} program
 * @param {string[]} parameters
 * @param {number} channel the file descriptor on which it says so
 * @returns {Promise<Host>}
 */
function start(name, program, parameters, channel) {
  const child = startProcess(program, parameters, {
    stdio: ["ignore", channel === 1 ? "pipe" : "inherit", "inherit", ...(channel === 3 ? ["pipe"] : [])],
  });
  return new Promise((resolve, reject) => {
    let said = "";
    child.once("error", reject);
    child.once("exit", (code) => reject(new Error(`${name} ended with ${code} before it listened`)));
    /** @type {import("node:stream").Readable} */ (child.stdio[channel]).setEncoding("utf8").on("data", (text) => {
      said += text;
      const [, port] = /"port":(\d+)/.exec(said) ?? [];
      if (port === undefined || child.pid === undefined) return;
      const url = `http://127.0.0.1:${port}/`;
      resolve({
        name,
        url,
        pid: child.pid,
        collect: () => send(url + COLLECT, { method: "GET" }),
        stop: () => endProcess(child),
      });
    });
  });
}

/**
 * Cloudflare's runtime, with the Worker bundled as wrangler does.
 * @param {string} project
 * @param {string} compatibilityDate
 */
export async function startWorkerd(project, compatibilityDate) {
  const folder = join(project, "build-workerd");
  mkdirSync(folder, { recursive: true });
  const options = { format: /** @type {const} */ ("esm"), conditions: ["workerd", "worker", "browser"] };
  const { text, wasmFiles } = await bundle(join(project, "worker.js"), options, undefined);
  writeFileSync(join(folder, "worker.js"), text);
  writeFileSync(
    join(folder, "collecting.js"),
    `import worker from "./worker.js";
    const isCollect = (request) => new URL(request.url).pathname === "/${COLLECT}";
    export default { fetch: (request) => (isCollect(request) ? new Response(gc()) : worker.fetch(request)) };\n`,
  );
  for (const [name, path] of wasmFiles) copyFileSync(path, join(folder, name));
  const modules = [...wasmFiles.keys()].map((name) => `(name = "${name}", wasm = embed "${name}")`);
  writeFileSync(
    join(folder, "config.capnp"),
    `using Workerd = import "/workerd/workerd.capnp";
    const config :Workerd.Config = (
      v8Flags = ["--expose-gc"],
      services = [(name = "main", worker = (
        compatibilityDate = "${compatibilityDate}",
        modules = [
          (name = "collecting.js", esModule = embed "collecting.js"),
          (name = "worker.js", esModule = embed "worker.js"),
          ${modules.join(", ")},
        ],
      ))],
      sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")],
    );\n`,
  );
  // The binary itself, which needs no Node; a script would be its parent.
  const binary = createRequire(import.meta.url)("workerd").default;
  const parameters = ["serve", join(folder, "config.capnp"), "--control-fd=3"];
  return start(`workerd of ${compatibilityDate}`, binary, parameters, 3);
}

/**
 * Vercel's edge VM, with the function bundled as `vercel build` does, by the condition `edge-light`, or as `vercel dev`
 * does, which doesn't know that condition.
 * @param {string} project
 * @param {"build" | "dev"} kind
 */
export async function startEdgeVM(project, kind) {
  const folder = join(project, `build-vercel-${kind}`);
  mkdirSync(folder, { recursive: true });
  /** @type {Parameters<typeof bundle>[1]} */
  const options = {
    format: "iife",
    globalName: "edgeFunction",
    platform: "browser",
    ...(kind === "build" ? { conditions: ["edge-light", "browser", "module"] } : {}),
  };
  const replace = (/** @type {string} */ name) => `export default globalThis[${JSON.stringify(name)}];`;
  const { text, wasmFiles } = await bundle(join(project, "api/attend.js"), options, replace);
  writeFileSync(
    join(folder, "function.js"),
    `${text}
    if (edgeFunction.config.runtime !== "edge") throw new Error("this is no edge function");
    addEventListener("fetch", (event) => event.respondWith(edgeFunction.default(event.request)));\n`,
  );
  for (const [name, path] of wasmFiles) copyFileSync(path, join(folder, name));
  const server = fileURLToPath(new URL("edge-vm-server.mjs", import.meta.url));
  return start(`edge VM, vercel ${kind}`, process.execPath, ["--expose-gc", server, folder, COLLECT], 1);
}
