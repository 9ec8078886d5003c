// Builds ts/wasm/ from crate/: two WebAssembly files, one glue, the bytes as text, the parameter layout, a manifest.
//
//   node scripts/build-wasm.mjs                      rebuilds ts/wasm/
//   node scripts/build-wasm.mjs --check              rebuilds into target/wasm/check and compares with ts/wasm/:
//                                                    exit 0 equal, 1 different, 3 built by another toolchain than
//                                                    the manifest's and therefore not comparable
//
// scripts/prepare-toolchain.sh installs what it needs.
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { deflateSync } from "node:zlib";
import binaryen from "binaryen";
import { arithmetics, commonRustflags, commonWasmOpt, hashSources, sha256 } from "./wasm-recipe.mjs";

/** @typedef {keyof typeof arithmetics} Arithmetic */

const require = createRequire(import.meta.url);
const root = fileURLToPath(new URL("..", import.meta.url)).replace(/[\\/]$/, "");
const committed = join(root, "ts/wasm");
const work = join(root, "target/wasm");
const glue = "wasm_attention_bg";
const names = /** @type {Arithmetic[]} */ (Object.keys(arithmetics));

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
 * Compiles one arithmetic into a folder below target/wasm and returns that folder.
 * @param {Arithmetic} name
 */
function compile(name) {
  const folder = join(work, name);
  const packed = join(folder, "wasm-pack");
  rmSync(packed, { recursive: true, force: true });

  const sysroot = output("rustc", ["--print", "sysroot"]);
  const rustflags = [
    ...arithmetics[name].rustflags,
    ...commonRustflags,
    // The last match wins: no path of this machine gets into the bytes.
    `--remap-path-prefix=${sysroot}=/rust`,
    `--remap-path-prefix=${process.env.CARGO_HOME ?? join(homedir(), ".cargo")}=/cargo`,
    `--remap-path-prefix=${root}=/wasm-attention`,
  ];
  const environment = {
    CARGO_ENCODED_RUSTFLAGS: rustflags.join("\x1f"),
    CARGO_TARGET_DIR: join(folder, "cargo"),
  };

  const cargo = ["--locked"];
  const libraries = output("rustc", ["--print", "target-libdir", "--target", "wasm32-unknown-unknown"]);
  if (!existsSync(libraries) || !readdirSync(libraries).some((library) => library.startsWith("libcore-"))) {
    // Debian's Rust has the standard library's sources only.
    Object.assign(environment, { RUSTC_BOOTSTRAP: "1" });
    cargo.push("-Zbuild-std=core,alloc");
  }
  const wasmPack = ["--quiet", "build", "crate", "--target", "bundler", "--mode", "no-install", "--no-pack"];
  output("wasm-pack", [...wasmPack, "--out-dir", packed, "--", ...cargo], environment);
  return packed;
}

/**
 * @param {Arithmetic} name
 * @param {string} input wasm-bindgen's file
 */
function optimise(name, input) {
  const program = join(dirname(require.resolve("binaryen/package.json")), "bin/wasm-opt");
  const optimised = join(work, name, "optimised.wasm");
  output(process.execPath, [program, input, "-o", optimised, ...commonWasmOpt, ...arithmetics[name].wasmOpt]);
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
 * The one file of both builds; throws where they differ.
 * @param {string[]} folders
 * @param {string} name
 */
function commonText(folders, name) {
  const texts = new Set(folders.map((folder) => readFileSync(join(folder, name), "utf8")));
  if (texts.size !== 1) throw new Error(`${name} differs between the arithmetics: see ${folders.join(" and ")}`);
  return [...texts][0];
}

/** Builds everything: the manifest, and the contents by file name with the manifest among them. */
function build() {
  const sources = hashSources(root);
  const packed = names.map(compile);
  /** @type {Record<string, Buffer>} */
  const files = {
    [`${glue}.js`]: Buffer.from(commonText(packed, `${glue}.js`)),
    [`${glue}.d.ts`]: Buffer.from(
      `${commonText(packed, "wasm_attention.d.ts").trimEnd()}\n\n` +
        "export function __wbg_set_wasm(exports: object | undefined): void;\n",
    ),
    "parameters.ts": Buffer.from(
      `${output("cargo", ["run", "--quiet", "--locked", "--package", "wasm-attention", "--example", "parameter_layout"])}\n`,
    ),
  };

  /** @type {Record<string, number>} */
  const memoryPages = {};
  names.forEach((name, index) => {
    const wasm = optimise(name, join(packed[index], `${glue}.wasm`));
    memoryPages[name] = initialMemoryPages(wasm);
    const compressed = deflateSync(wasm, { level: 9 }).toString("base64");
    files[`${name}.wasm`] = wasm;
    files[`${name}.bytes.ts`] = Buffer.from(`export default "${compressed}";\n`);
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
for (const name of names) console.log(`${name}.wasm: ${String(result.files[`${name}.wasm`].length)} bytes`);
if (options.check) process.exitCode = check(result);
