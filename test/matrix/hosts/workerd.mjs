// Cloudflare's runtime, which makes modules of the `.wasm` files that a worker imports and compiles nothing in a request.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { buildNames } from "../../../scripts/wasm-recipe.mjs";
import { bundle } from "../bundle.mjs";
import { CORE, HostStartError, SUITE_MILLISECONDS } from "./host.mjs";
import { installed, missingProgram, versionOf } from "./process.mjs";

const workerd = installed("@cloudflare/workerd-linux-64/bin/workerd");
const START_MILLISECONDS = 30_000;

/** The clock stands still in a request, so the first one is measured from outside. */
const program = (/** @type {RegExp | undefined} */ part) => `
  import { init } from "wasm-attention";
  import { attempts, compilesBytes } from ${JSON.stringify(fileURLToPath(new URL("module-only-attempts.js", import.meta.url)))};
  import { runSuite } from "suite";
  export default {
    async fetch(request) {
      const name = decodeURIComponent(new URL(request.url).pathname.slice(1));
      try {
        if (name === "suite") return Response.json(await runSuite(${part ?? ""}));
        if (name in attempts) return Response.json(await attempts[name]());
        (await init()).dispose();
        return Response.json({ compilesBytes: await compilesBytes() });
      } catch (error) {
        return new Response(String(error.stack), { status: 500 });
      }
    },
  };`;

const configuration = (/** @type {string} */ compatibilityDate, /** @type {string[]} */ v8Flags) => `
  using Workerd = import "/workerd/workerd.capnp";
  const config :Workerd.Config = (
    services = [(name = "main", worker = (
      compatibilityDate = "${compatibilityDate}",
      modules = [
        (name = "worker.js", esModule = embed "worker.js"),
        ${buildNames.map((name) => `(name = "${name}.wasm", wasm = embed "node_modules/wasm-attention/ts/wasm/${name}.wasm"),`).join("\n        ")}
      ],
    ))],
    sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")],
    v8Flags = ${JSON.stringify(v8Flags)},
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
 * Starts a server with the program and gives what `use` makes of its address.
 * @template T
 * @param {string} folder
 * @param {{ compatibilityDate: string, v8Flags?: string[], part?: RegExp }} settings
 * @param {(address: string) => Promise<T>} use
 */
async function withServer(folder, { compatibilityDate, v8Flags = [], part }, use) {
  await bundle({
    folder,
    outfile: "worker.js",
    program: program(part),
    conditions: ["workerd", "worker", "browser"],
    replaceWasm: (name) => ({ external: `./${name}` }),
  });
  writeFileSync(join(folder, "config.capnp"), configuration(compatibilityDate, v8Flags));
  const server = spawn(workerd, ["serve", "config.capnp", "--control-fd=3"], {
    cwd: folder,
    stdio: ["ignore", "inherit", "inherit", "pipe"],
  });
  try {
    return await use(`http://127.0.0.1:${await portOf(server)}`);
  } finally {
    server.kill();
  }
}

/**
 * @param {string} compatibilityDate
 * @param {number} index
 * @returns {import("./host.mjs").Host}
 */
const host = (compatibilityDate, index) => ({
  name: `workerd: compatibility date ${compatibilityDate}`,
  fuses: true,
  part: index === 0 ? undefined : CORE,
  missing: () => missingProgram(workerd),
  async run(folder, part) {
    const version = await versionOf(workerd);
    return withServer(folder, { compatibilityDate, part }, async (address) => {
      const start = performance.now();
      const { compilesBytes } = await answer(`${address}/start`, START_MILLISECONDS);
      const startupMilliseconds = { import: null, init: performance.now() - start };
      if (compilesBytes) throw new Error("this worker compiles bytes, so it proves nothing");
      return { version, report: { startupMilliseconds, ...(await answer(`${address}/suite`, SUITE_MILLISECONDS)) } };
    });
  },
});

/** One of today, and one from before workerd compiled bytes during start-up. */
const dates = ["2026-11-17", "2024-09-01"];

export const hosts = dates.map(host);

/**
 * @param {string} attempt    of module-only-attempts.js
 * @param {string} expectedCode
 * @param {string[]} [v8Flags]
 * @returns {import("./host.mjs").Refusal}
 */
const refusal = (attempt, expectedCode, v8Flags) => ({
  name: `workerd: ${attempt}`,
  expectedCode,
  missing: () => missingProgram(workerd),
  async run(folder) {
    const version = await versionOf(workerd);
    return withServer(folder, { compatibilityDate: dates[0], v8Flags }, async (address) => ({
      version,
      ...(await answer(`${address}/${encodeURIComponent(attempt)}`, START_MILLISECONDS)),
    }));
  },
});

export const refusals = [
  refusal("bytes in place of a module", "ERR_INVALID_TYPE"),
  refusal("more memory than the entry's default", "ERR_OUT_OF_MEMORY"),
  // 40 MiB: growing fails long before maximumMemory, as where the host has no more to give.
  refusal("more memory than the host gives", "ERR_OUT_OF_MEMORY", ["--wasm-max-mem-pages=640"]),
];
