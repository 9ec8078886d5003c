// Builds ts/wasm/ from crate/: the WebAssembly files, one glue, the bytes as text, the interface, a manifest.
//
//   node scripts/build-wasm.mjs                      rebuilds ts/wasm/
//   node scripts/build-wasm.mjs --check              rebuilds into target/wasm/check and compares with ts/wasm/:
//                                                    exit 0 equal, 1 different, 3 built by another toolchain than
//                                                    the manifest's and therefore not comparable
//
// scripts/prepare-toolchain.sh installs what it needs.
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import binaryen from "binaryen";
import { packBuilds } from "./pack-builds.mjs";
import { buildNames, builds, commonRustflags, commonWasmOpt, hashSources, sha256 } from "./wasm-recipe.mjs";

/** @typedef {import("./wasm-recipe.mjs").BuildName} BuildName */

const require = createRequire(import.meta.url);
const root = fileURLToPath(new URL("..", import.meta.url)).replace(/[\\/]$/, "");
const committed = join(root, "ts/wasm");
const work = join(root, "target/wasm");
const glue = "wasm_attention_bg";

/**
 * The text that a program prints; its errors go to the terminal.
 * @param {string} program
 * @param {string[]} parameters
 * @param {NodeJS.ProcessEnv} [environment]
 */
function output(program, parameters, environment) {
  return execFileSync(program, parameters, {
    cwd: root,
    encoding: "utf8",
    env: { ...process.env, ...environment },
    stdio: ["ignore", "pipe", "inherit"],
  }).trim();
}

/** The versions that decide the bytes. The host's triple is one of them: nobody promises equal code across hosts. */
function toolchain() {
  const rustc = output("rustc", ["--version", "--verbose"]);
  const { version } = /** @type {{ version: string }} */ (require("binaryen/package.json"));
  return {
    rustc: rustc.split("\n", 1)[0].replace("rustc ", ""),
    host: /^host: (.*)$/m.exec(rustc)?.[1] ?? "unknown",
    "wasm-pack": output("wasm-pack", ["--version"]).replace("wasm-pack ", ""),
    "wasm-bindgen": output("wasm-bindgen", ["--version"]).replace("wasm-bindgen ", ""),
    binaryen: version,
  };
}

/**
 * Compiles a build into a folder below target/wasm and returns that folder.
 * @param {BuildName} name
 */
function compile(name) {
  const folder = join(work, name);
  const packed = join(folder, "wasm-pack");
  rmSync(packed, { recursive: true, force: true });

  const sysroot = output("rustc", ["--print", "sysroot"]);
  const rustflags = [
    ...builds[name].rustflags,
    ...commonRustflags,
    // The last match wins: no path of this machine gets into the bytes.
    `--remap-path-prefix=${sysroot}=/rust`,
    `--remap-path-prefix=${process.env.CARGO_HOME ?? join(homedir(), ".cargo")}=/cargo`,
    `--remap-path-prefix=${root}=/wasm-attention`,
  ];
  const environment = {
    CARGO_ENCODED_RUSTFLAGS: rustflags.join("\x1f"),
    CARGO_TARGET_DIR: join(folder, "cargo"),
    RUSTC_BOOTSTRAP: "1",
  };

  // The standard library too is built without the texts of panics, which a stable Rust does only when it is told so.
  const cargo = ["--locked", "-Zbuild-std=core,alloc"];
  const wasmPack = ["--quiet", "build", "crate", "--target", "bundler", "--mode", "no-install", "--no-pack"];
  output("wasm-pack", [...wasmPack, "--out-dir", packed, "--", ...cargo], environment);
  return packed;
}

/** The exports' names and types, a line each, of the module in a file. */
function signatures(/** @type {string} */ file) {
  const module = binaryen.readBinary(readFileSync(file));
  const lines = Array.from({ length: module.getNumExports() }, (_, index) => {
    const { name, kind, value } = binaryen.getExportInfo(module.getExportByIndex(index));
    if (kind !== binaryen.ExternalFunction) return name;
    const { params, results } = binaryen.getFunctionInfo(module.getFunction(value));
    return `${name}(${binaryen.expandType(params).join()}) ${binaryen.expandType(results).join()}`;
  });
  module.dispose();
  return lines.sort().join("\n");
}

/**
 * What tells a build of other exports, argument blocks or numbers: 32 bits over the exports' types and the declarations.
 * @param {string} exports
 * @param {string} declarations
 */
function hashInterface(exports, declarations) {
  const withoutComments = declarations.replaceAll(/^\s*\/(\/|\*\*).*$/gm, "");
  return Number.parseInt(sha256(Buffer.from(`${exports}\n${withoutComments}`)).slice(0, 8), 16);
}

/** The names of a module's own functions, in their order. */
function functionNames(/** @type {binaryen.Module} */ module) {
  return Array.from({ length: module.getNumFunctions() }, (_, index) =>
    binaryen.getFunctionInfo(module.getFunctionByIndex(index)),
  ).flatMap(({ name, module: importedFrom }) => (importedFrom === "" ? [name] : []));
}

/**
 * Gives a function that all modules have one number, so that its calls are the same bytes in all of them, which packing finds.
 * @param {binaryen.Module[]} modules
 */
function orderAlike(modules) {
  const names = modules.map(functionNames);
  const shared = names[0].filter((name) => names.every((others) => others.includes(name)));
  modules.forEach((module, index) => {
    for (const name of new Set([...shared, ...names[index]])) {
      const { params, results, vars, body } = binaryen.getFunctionInfo(module.getFunction(name));
      module.removeFunction(name);
      module.addFunction(name, params, results, vars, body);
    }
  });
}

/**
 * Adds the hash to what wasm-bindgen's files export, and optimises them.
 * @param {string[]} inputs
 * @param {number} interfaceHash
 */
function finish(inputs, interfaceHash) {
  const modules = inputs.map((input) => binaryen.readBinary(readFileSync(input)));
  orderAlike(modules);
  return modules.map((module, index) => {
    module.addGlobal("interface_hash", binaryen.i32, false, module.i32.const(interfaceHash));
    module.addGlobalExport("interface_hash", "interface_hash");
    const binary = module.emitBinary();
    module.dispose();
    return optimise(buildNames[index], binary);
  });
}

/**
 * What wasm-opt makes of a module.
 * @param {BuildName} name
 * @param {Uint8Array} module
 */
function optimise(name, module) {
  const marked = join(work, name, "marked.wasm");
  writeFileSync(marked, module);
  const program = join(dirname(require.resolve("binaryen/package.json")), "bin/wasm-opt");
  const optimised = join(work, name, "optimised.wasm");
  output(process.execPath, [program, marked, "-o", optimised, ...commonWasmOpt, ...builds[name].wasmOpt]);
  return readFileSync(optimised);
}

/**
 * Pages of 64 KiB that the memory starts with.
 * @param {Uint8Array} wasm
 */
function initialMemoryPages(wasm) {
  const module = binaryen.readBinary(wasm);
  const { initial } = module.getMemoryInfo();
  module.dispose();
  return initial;
}

/**
 * What all builds have in common; throws where they differ.
 * @param {string[]} folders
 * @param {string} name of a file
 * @param {(file: string) => string} read
 */
function common(folders, name, read = (file) => readFileSync(file, "utf8")) {
  const texts = new Set(folders.map((folder) => read(join(folder, name))));
  if (texts.size !== 1) throw new Error(`${name} differs between the builds: see ${folders.join(" and ")}`);
  return [...texts][0];
}

/** Builds everything: the manifest, and the contents by file name with the manifest among them. */
function build() {
  const sources = hashSources(root);
  const folders = buildNames.map(compile);
  const declarations = output("cargo", [
    "run",
    "--quiet",
    "--locked",
    "--package",
    "wasm-attention",
    "--example",
    "interface",
  ]);
  const interfaceHash = hashInterface(common(folders, `${glue}.wasm`, signatures), declarations);
  /** @type {Record<string, Buffer>} */
  const files = {
    [`${glue}.js`]: Buffer.from(common(folders, `${glue}.js`)),
    [`${glue}.d.ts`]: Buffer.from(
      `${common(folders, "wasm_attention.d.ts").trimEnd()}\n\n` +
        "export function __wbg_set_wasm(exports: object | undefined): void;\n",
    ),
    "interface.ts": Buffer.from(
      `${declarations}\n\n/** What a build of this interface exports as \`interface_hash\`: other exports, blocks or numbers have another. */\n` +
        `export const INTERFACE_HASH = 0x${interfaceHash.toString(16).padStart(8, "0")};\n`,
    ),
  };

  /** @type {Record<string, number>} */
  const memoryPages = {};
  const inputs = folders.map((folder) => join(folder, `${glue}.wasm`));
  const modules = finish(inputs, interfaceHash);
  files["builds.bytes.ts"] = Buffer.from(`export default "${packBuilds(modules).toString("base64")}";\n`);
  buildNames.forEach((name, index) => {
    memoryPages[name] = initialMemoryPages(modules[index]);
    files[`${name}.wasm`] = modules[index];
    files[`${name}.d.wasm.ts`] = Buffer.from("declare const module: WebAssembly.Module;\nexport default module;\n");
  });
  if (hashSources(root) !== sources) throw new Error("the sources changed during the build: build again");

  const described = Object.entries(files).sort(([a], [b]) => (a < b ? -1 : 1));
  const manifest = {
    sources,
    toolchain: toolchain(),
    initialMemoryPages: memoryPages,
    files: Object.fromEntries(described.map(([name, bytes]) => [name, { bytes: bytes.length, sha256: sha256(bytes) }])),
  };
  files["manifest.json"] = Buffer.from(`${JSON.stringify(manifest, null, 2)}\n`);
  return { files, manifest };
}

/**
 * Makes a folder hold these files and nothing else.
 * @param {string} folder
 * @param {Record<string, Buffer>} files
 */
function write(folder, files) {
  mkdirSync(folder, { recursive: true });
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content);
  for (const name of readdirSync(folder)) if (!(name in files)) rmSync(join(folder, name), { recursive: true });
}

/**
 * Compares a fresh build with the committed files; the exit status.
 * @param {ReturnType<typeof build>} fresh
 */
function check({ files, manifest }) {
  const recorded = /** @type {typeof manifest} */ (JSON.parse(readFileSync(join(committed, "manifest.json"), "utf8")));
  if (recorded.sources !== manifest.sources) {
    console.error("ts/wasm was built from other sources: run npm run build:wasm and commit the result.");
    return 1;
  }
  const pinned = /channel = "(.*)"/.exec(readFileSync(join(root, "rust-toolchain.toml"), "utf8"))?.[1];
  if (recorded.toolchain.rustc.split(" ")[0] !== pinned) {
    console.error(
      `ts/wasm was built by Rust ${recorded.toolchain.rustc}, but rust-toolchain.toml pins ${String(pinned)}.`,
    );
    return 1;
  }
  // The compressed copies depend on Node's zlib as well; a test compares them with the .wasm files.
  const compared = Object.keys(files).filter((name) => !name.endsWith(".bytes.ts") && name !== "manifest.json");
  const different = compared.filter((name) => !files[name].equals(readFileSync(join(committed, name))));
  if (different.length === 0) {
    console.log(`The rebuilt files equal the committed ones in every byte: ${compared.join(", ")}.`);
    return 0;
  }
  if (JSON.stringify(recorded.toolchain) !== JSON.stringify(manifest.toolchain)) {
    console.log(`Another toolchain than the manifest's, so bytes are not compared.
  manifest: ${JSON.stringify(recorded.toolchain)}
  here:     ${JSON.stringify(manifest.toolchain)}`);
    return 3;
  }
  console.error(`The same sources and toolchain gave other bytes: ${different.join(", ")}.`);
  return 1;
}

const { values: options } = parseArgs({ options: { check: { type: "boolean", default: false } } });
const result = build();
write(options.check ? join(work, "check") : committed, result.files);
for (const name of buildNames) console.log(`${name}.wasm: ${String(result.files[`${name}.wasm`].length)} bytes`);
if (options.check) process.exitCode = check(result);
