// Serves the page on this machine alone, isolated from other origins: its clock is then fine enough to time single calls.
import { once } from "node:events";
import { createServer } from "node:http";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import sirv from "sirv";
import { peakBuilds } from "../engines.mjs";
import { browserBuilds } from "./builds.mjs";

const root = fileURLToPath(new URL("../..", import.meta.url));
const page = "/bench/browser/index.html";

const isolated = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
};

/**
 * What is measured is served as it is published, and finds its WebAssembly beside itself.
 * @type {import("esbuild").Plugin}
 */
const published = {
  name: "published",
  setup({ onResolve }) {
    const paths = new Map([
      ["onnxruntime-web", "/bench/node_modules/onnxruntime-web/dist/ort.wasm.bundle.min.mjs"],
      ["../../dist/index.js", "/dist/index.js"],
      ["../../dist/train.js", "/dist/train.js"],
    ]);
    onResolve({ filter: /.*/ }, ({ path }) => {
      const served = paths.get(path);
      return served === undefined ? undefined : { path: served, external: true };
    });
  },
};

/**
 * Workers know no import maps, so the benchmark's own modules are bundled: the page, the worker and the adapters that it
 * imports by their addresses.
 * @returns {Promise<Map<string, Uint8Array>>} by path
 */
async function bundlePage() {
  const adapters = new Set([...browserBuilds, ...peakBuilds].map(({ adapter }) => adapter));
  const bench = `${root}/bench`;
  const { outputFiles } = await build({
    entryPoints: [
      { in: `${bench}/browser/page.mjs`, out: "page" },
      { in: `${bench}/browser/worker.mjs`, out: "worker" },
      ...[...adapters].map((adapter) => ({ in: `${bench}/${adapter}`, out: adapter.replace(/\.mjs$/, "") })),
    ],
    outdir: "/bundle",
    outExtension: { ".js": ".mjs" },
    bundle: true,
    splitting: true,
    format: "esm",
    target: "es2022",
    write: false,
    // The table loads it for colours, and has none.
    external: ["@colors/colors/safe"],
    plugins: [published],
  });
  return new Map(outputFiles.map(({ path, contents }) => [path, contents]));
}

/**
 * @returns {Promise<{ address: string, close: () => void }>}
 */
export async function serve() {
  const bundled = await bundlePage();
  const files = sirv(root, { dev: true });
  const server = createServer((request, response) => {
    for (const [name, value] of Object.entries(isolated)) response.setHeader(name, value);
    const script = bundled.get(request.url ?? "");
    if (request.url === "/") response.writeHead(302, { Location: page }).end();
    else if (script !== undefined) response.setHeader("Content-Type", "text/javascript").end(script);
    else files(request, response);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
  return {
    address: `http://127.0.0.1:${port}${page}`,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}
