// Cloudflare's runtime, which makes modules of the `.wasm` files that a worker imports and compiles nothing in a request.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { bundle } from "../bundle.mjs";
import { HostStartError, SUITE_MILLISECONDS } from "./host.mjs";
import { installed, missingProgram, versionOf } from "./process.mjs";

const workerd = installed("@cloudflare/workerd-linux-64/bin/workerd");
const START_MILLISECONDS = 30_000;

/** The clock stands still in a request, so the first one is measured from outside. */
const program = `
  import { init } from "wasm-attention";
  import { runSuite } from "suite";
  const isRefused = () => WebAssembly.compile(Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0)).then(() => false, () => true);
  export default {
    async fetch(request) {
      try {
        if (new URL(request.url).pathname === "/suite") return Response.json(await runSuite());
        (await init()).dispose();
        return Response.json({ compilesBytes: !(await isRefused()) });
      } catch (error) {
        return new Response(String(error.stack), { status: 500 });
      }
    },
  };`;

const configuration = (/** @type {string} */ compatibilityDate) => `
  using Workerd = import "/workerd/workerd.capnp";
  const config :Workerd.Config = (
    services = [(name = "main", worker = (
      compatibilityDate = "${compatibilityDate}",
      modules = [
        (name = "worker.js", esModule = embed "worker.js"),
        (name = "separate.wasm", wasm = embed "node_modules/wasm-attention/ts/wasm/separate.wasm"),
        (name = "fused.wasm", wasm = embed "node_modules/wasm-attention/ts/wasm/fused.wasm"),
      ],
    ))],
    sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")],
  );`;

/** The port that the server listens on, which it tells on a pipe of its own. */
async function portOf(/** @type {import("node:child_process").ChildProcess} */ server) {
  const control = /** @type {import("node:stream").Readable} */ (server.stdio[3]);
  const timeout = AbortSignal.timeout(START_MILLISECONDS);
  try {
    let text = "";
    while (!text.includes("\n")) text += String((await once(control, "data", { signal: timeout }))[0]);
    return JSON.parse(text.slice(0, text.indexOf("\n"))).port;
  } catch (cause) {
    throw new HostStartError("workerd told no port", { cause });
  }
}

async function answer(/** @type {string} */ url, /** @type {number} */ milliseconds) {
  const response = await fetch(url, { signal: AbortSignal.timeout(milliseconds) });
  if (!response.ok) throw new Error(`${url} answered with status ${response.status}: ${await response.text()}`);
  return response.json();
}

/**
 * @param {string} compatibilityDate
 * @returns {import("./host.mjs").Host}
 */
const host = (compatibilityDate) => ({
  name: `workerd: compatibility date ${compatibilityDate}`,
  fuses: true,
  missing: () => missingProgram(workerd),
  async run(folder) {
    const version = await versionOf(workerd);
    await bundle({
      folder,
      outfile: "worker.js",
      program,
      conditions: ["workerd", "worker", "browser"],
      replaceWasm: (name) => ({ external: `./${name}` }),
    });
    writeFileSync(join(folder, "config.capnp"), configuration(compatibilityDate));
    const server = spawn(workerd, ["serve", "config.capnp", "--control-fd=3"], {
      cwd: folder,
      stdio: ["ignore", "inherit", "inherit", "pipe"],
    });
    try {
      const url = `http://127.0.0.1:${await portOf(server)}`;
      const start = performance.now();
      const { compilesBytes } = await answer(`${url}/start`, START_MILLISECONDS);
      const startupMilliseconds = { import: null, init: performance.now() - start };
      if (compilesBytes) throw new Error("this worker compiles bytes, so it proves nothing");
      return { version, report: { startupMilliseconds, ...(await answer(`${url}/suite`, SUITE_MILLISECONDS)) } };
    } finally {
      server.kill();
    }
  },
});

/** One of today, and one from before workerd compiled bytes during start-up. */
export const hosts = ["2026-11-17", "2024-09-01"].map(host);
