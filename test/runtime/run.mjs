// Runs the tarball in the runtimes that compile no bytes, each by the entry that its bundlers would choose:
// `npm ci --prefix test/runtime && node test/runtime/run.mjs`, after `npm run build`, with Node 22 or newer.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { EdgeVM } from "@edge-runtime/vm";
import { build } from "esbuild";

const here = fileURLToPath(new URL(".", import.meta.url));
const project = mkdtempSync(join(tmpdir(), "wasm-attention-runtime-"));
const packageFolder = join(project, "node_modules/wasm-attention");

/** @param {string} folder @param {string[]} parameters */
const npm = (folder, ...parameters) =>
  execFileSync("npm", parameters, { cwd: folder, encoding: "utf8", shell: process.platform === "win32" });

/**
 * A program bundled as a host's bundler would, but for the `.wasm` files, which `replace` turns into a module's text, or
 * leaves alone.
 * @param {{ text: string, conditions: string[], format: "esm" | "iife", replace?: (name: string) => string }} options
 */
async function bundle({ text, conditions, format, replace }) {
  const { outputFiles } = await build({
    stdin: { contents: text, resolveDir: project },
    bundle: true,
    conditions,
    format,
    write: false,
    plugins: [
      {
        name: "wasm-files",
        setup({ onLoad, onResolve }) {
          onResolve({ filter: /\.wasm(\?module)?$/ }, ({ path }) => {
            const name = basename(path).replace("?module", "");
            return replace === undefined ? { path: `./${name}`, external: true } : { path: name, namespace: "wasm" };
          });
          onLoad({ filter: /.*/, namespace: "wasm" }, ({ path }) => ({ contents: replace?.(path) }));
        },
      },
    ],
  });
  return outputFiles[0].text;
}

/** @type {Record<string, string>} */
const expectedBits = {};

/**
 * @param {string} host
 * @param {Awaited<ReturnType<typeof import("./program.mjs").run>>} result
 */
function check(host, { bits, compiling, bytes, memory }) {
  assert.match(compiling, /code generation|disallowed by embedder/i, `${host} compiles bytes, so it proves nothing`);
  assert.equal(bytes, "ERR_INVALID_TYPE");
  assert.equal(memory, "ERR_OUT_OF_MEMORY");
  assert.deepEqual(bits, expectedBits, `${host}: other bits than Node's`);
  console.log(`${host}: ${Object.keys(bits).join(" and ")}, the bits of Node's`);
}

async function edgeLight() {
  const text = await bundle({
    text: 'import { run } from "./program.mjs"; globalThis.result = run();',
    conditions: ["edge-light", "worker"],
    format: "iife",
    replace: (name) => `export default globalThis[${JSON.stringify(name)}];`,
  });
  const vm = new EdgeVM({
    codeGeneration: { strings: false, wasm: false },
    extend: (context) => {
      for (const name of ["separate.wasm", "fused.wasm"]) {
        context[name] = new WebAssembly.Module(readFileSync(join(packageFolder, "ts/wasm", name)));
      }
      return context;
    },
  });
  vm.evaluate(text);
  check("edge VM", structuredClone(await vm.context.result));
}

/** @param {string} compatibilityDate */
async function workerd(compatibilityDate) {
  const text = await bundle({
    text: `
      import { run } from "./program.mjs";
      export default { async test() { console.log("result " + JSON.stringify(await run())); } };`,
    conditions: ["workerd", "worker", "browser"],
    format: "esm",
  });
  writeFileSync(join(project, "worker.js"), text);
  writeFileSync(
    join(project, "config.capnp"),
    `using Workerd = import "/workerd/workerd.capnp";
    const config :Workerd.Config = (services = [(name = "main", worker = (
      compatibilityDate = "${compatibilityDate}",
      modules = [
        (name = "worker.js", esModule = embed "worker.js"),
        (name = "separate.wasm", wasm = embed "node_modules/wasm-attention/ts/wasm/separate.wasm"),
        (name = "fused.wasm", wasm = embed "node_modules/wasm-attention/ts/wasm/fused.wasm"),
      ],
    ))]);\n`,
  );
  const printed = execFileSync(join(here, "node_modules/workerd/bin/workerd"), ["test", "config.capnp"], {
    cwd: project,
    encoding: "utf8",
    timeout: 60_000,
  });
  const [, result] = /result (\{.*\})/.exec(printed) ?? [];
  assert.ok(result, printed);
  check(`workerd of ${compatibilityDate}`, JSON.parse(result));
}

try {
  const [tarball] = JSON.parse(
    npm(join(here, "../.."), "pack", "--json", "--ignore-scripts", "--pack-destination", project),
  );
  writeFileSync(join(project, "package.json"), '{ "private": true, "type": "module" }\n');
  npm(project, "install", "--offline", "--ignore-scripts", "--no-audit", "--no-fund", `./${tarball.filename}`);
  copyFileSync(join(here, "program.mjs"), join(project, "program.mjs"));

  const { init } = await import(pathToFileURL(join(packageFolder, "dist/index.js")).href);
  const { attend } = await import(pathToFileURL(join(project, "program.mjs")).href);
  for (const deterministic of [true, false]) {
    const runtime = await init({ deterministic });
    expectedBits[runtime.arithmetic] = attend();
    runtime.dispose();
  }
  assert.ok("fused" in expectedBits, "this Node doesn't fuse: take 22 or newer");

  await edgeLight();
  await workerd("2026-11-17");
  await workerd("2024-09-01");
} finally {
  rmSync(project, { recursive: true, force: true });
}
