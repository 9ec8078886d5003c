// Bundles a program with the suite into one file for a host. The package itself stays outside, or is taken in as the
// bundlers of that host would.
import { readdirSync } from "node:fs";
import { basename, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { suiteFiles } from "./suite-files.mjs";

const suite = fileURLToPath(new URL("suite/", import.meta.url));
const conformance = fileURLToPath(new URL("../conformance/", import.meta.url));

/** @typedef {import("esbuild").Plugin} Plugin */

/** Where `exports` has what the tests import, by the name of its source. */
const subpaths = new Map([
  ["wasm-attention", ""],
  ["default", ""],
  ["nn", "/nn"],
  ["io", "/io"],
  ["train", "/train"],
]);

/** Marks what a plugin resolves itself, so that it doesn't ask itself again. */
const NESTED = Symbol("nested");

/**
 * The tests import the package's entries by their sources; here these are the installed ones. Whatever else of the source a
 * test imports is nothing that users have: such a test doesn't belong in the suite.
 * @param {string} folder
 * @param {Bundle["packageUrl"]} packageUrl
 * @returns {Plugin}
 */
const installedPackage = (folder, packageUrl) => ({
  name: "installed-package",
  setup({ onResolve, resolve }) {
    onResolve({ filter: /^wasm-attention$|\/ts\/.*\.js$/ }, ({ path, importer, kind, pluginData }) => {
      if (pluginData === NESTED) return undefined;
      const [, entry = path] = /\/ts\/entry\/(\w+)\.js$/.exec(path) ?? [];
      const subpath = subpaths.get(entry);
      if (subpath === undefined) {
        return { errors: [{ text: `${importer} imports ${path}, which the package doesn't export` }] };
      }
      return packageUrl === undefined
        ? resolve(`wasm-attention${subpath}`, { resolveDir: folder, kind, pluginData: NESTED })
        : { path: packageUrl(subpath), external: true };
    });
  },
});

/**
 * What the tests take from vitest and, for the committed files, from Node.
 * @type {Plugin}
 */
const withoutNode = {
  name: "without-node",
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^vitest$/ }, () => ({ path: `${suite}vitest.ts` }));
    onLoad({ filter: /conformance[\\/]stored-file\.ts$/ }, () => {
      const names = readdirSync(conformance, { recursive: true, encoding: "utf8" })
        .filter((name) => name.endsWith(".safetensors"))
        .map((name) => name.replaceAll(sep, "/").replace(".safetensors", ""));
      return {
        contents: `${names.map((name, index) => `import file${index} from "./${name}.safetensors";`).join("\n")}
          const files = { ${names.map((name, index) => `"${name}": file${index}`).join(", ")} };
          export const STORED_FILES = Object.keys(files);
          export const storedFile = (name) => files[name];`,
        resolveDir: conformance,
      };
    });
  },
};

/**
 * The test files by name, of which the suite runs some or all.
 * @type {Plugin}
 */
const listedFiles = {
  name: "listed-files",
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^test-files$/ }, ({ path }) => ({ path, namespace: "test-files" }));
    onLoad({ filter: /.*/, namespace: "test-files" }, () => ({
      contents: `export const files = { ${suiteFiles
        .map((name) => `"${name}": () => import("../../${name}.test.js")`)
        .join(", ")} };`,
      resolveDir: suite,
    }));
  },
};

/**
 * The `.wasm` files that an entry imports, as `replace` gives them to the host.
 * @param {(name: string) => { external: string } | { text: string }} replace
 * @returns {Plugin}
 */
const wasmFiles = (replace) => ({
  name: "wasm-files",
  setup({ onLoad, onResolve }) {
    onResolve({ filter: /\.wasm(\?module)?$/ }, ({ path }) => {
      const name = basename(path).replace("?module", "");
      const replacement = replace(name);
      return "external" in replacement
        ? { path: replacement.external, external: true }
        : { path: name, namespace: "wasm", pluginData: replacement.text };
    });
    onLoad({ filter: /.*/, namespace: "wasm" }, ({ pluginData }) => ({ contents: pluginData }));
  },
});

/**
 * @typedef {object} Bundle
 * @property {string} folder       of the project in which the package is installed
 * @property {string} outfile      within it
 * @property {string} program      what the host runs, in the text of a module that may import "suite"
 * @property {"esm" | "cjs" | "iife"} [format]
 * @property {(subpath: string) => string} [packageUrl]    how the host imports the package's "", "/nn", "/io" or "/train"; without
 *   it the bundle takes them in
 * @property {string[]} [conditions]    of package.json's `exports`, where it does
 * @property {(name: string) => { external: string } | { text: string }} [replaceWasm]    likewise
 * @property {string[]} [inject]    files whose exports take the place of globals
 */

/** @param {Bundle} bundle */
export async function bundle({
  folder,
  outfile,
  program,
  format = "esm",
  packageUrl,
  conditions,
  replaceWasm,
  inject,
}) {
  await build({
    stdin: { contents: program, resolveDir: suite },
    alias: { suite: `${suite}main.ts` },
    outfile: `${folder}/${outfile}`,
    bundle: true,
    format,
    conditions,
    inject,
    target: "es2022",
    logLevel: "silent",
    loader: { ".safetensors": "binary" },
    define: { "process.env": "{}" },
    plugins: [
      installedPackage(folder, packageUrl),
      withoutNode,
      listedFiles,
      ...(replaceWasm === undefined ? [] : [wasmFiles(replaceWasm)]),
    ],
  });
}
