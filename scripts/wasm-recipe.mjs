// What decides the bytes of the WebAssembly files besides the toolchain: the sources and the flags.
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";

/**
 * The builds by name, which is that of the file and, so far, of the arithmetic; `rustflags` and `wasmOpt` are what each adds
 * to the common flags below, `relaxedInstructions` all that it may have of relaxed SIMD: those whose bits are the same on
 * every host that fuses. (The specification leaves hosts a choice in a lane selection only where a lane of the mask has mixed
 * bits, which the native vectors refuse: crate/src/simd/native.rs.)
 */
export const builds = /** @type {const} */ ({
  separate: { rustflags: ["-Ctarget-feature=+simd128"], wasmOpt: [], relaxedInstructions: [] },
  fused: {
    rustflags: ["-Ctarget-feature=+simd128,+relaxed-simd"],
    wasmOpt: ["--enable-relaxed-simd"],
    relaxedInstructions: ["f32x4.relaxed_madd", "f32x4.relaxed_nmadd", "i32x4.relaxed_laneselect"],
  },
});

/** @typedef {keyof typeof builds} BuildName */

export const buildNames = /** @type {BuildName[]} */ (Object.keys(builds));

// LLVM's loop-strength reduction turns constant offsets into additions that engines can't fold into the load. Loops whose
// length is known when they run are unrolled by the engines themselves: once more costs bytes and gains nothing.
// A panic is a bug, which traps: its text, and where it happened, nobody would see, and both together are an eighth of a build.
export const commonRustflags = [
  "-Cllvm-args=-disable-lsr -unroll-runtime=0",
  "-Zunstable-options",
  "-Cpanic=immediate-abort",
  // Kernels are written in vectors. Other loops are not worth two, one in vectors and one for the rest.
  "-Cno-vectorize-loops",
];

export const commonWasmOpt = [
  // What Rust's output uses, and nothing that a host with SIMD may lack.
  "--mvp-features",
  "--enable-simd",
  "--enable-bulk-memory",
  "--enable-bulk-memory-opt",
  "--enable-call-indirect-overlong",
  "--enable-multivalue",
  "--enable-mutable-globals",
  "--enable-nontrapping-float-to-int",
  "--enable-reference-types",
  "--enable-sign-ext",
  // LLVM has inlined what should be; the register tiles must stay functions of their own, or engines run them in
  // baseline code to the end of a call.
  "--no-inline=*",
  // The functions keep the order that they have in all builds (scripts/build-wasm.mjs).
  "--skip-pass=reorder-functions",
  "-O2",
  "--strip-debug",
  "--strip-producers",
];

const sourceRoots = [
  "Cargo.toml",
  "Cargo.lock",
  "rust-toolchain.toml",
  ".cargo",
  "crate/Cargo.toml",
  "crate/src",
  "crate/examples/interface.rs",
  "scripts/wasm-recipe.mjs",
];

/**
 * The files below a path, sorted by name; none when there is no such path.
 * @param {string} root
 * @param {string} path with forward slashes, relative to the root
 * @returns {string[]}
 */
function filesBelow(root, path) {
  const absolute = join(root, path);
  if (!existsSync(absolute)) return [];
  if (!statSync(absolute).isDirectory()) return [path];
  return readdirSync(absolute)
    .sort()
    .flatMap((name) => filesBelow(root, `${path}/${name}`));
}

/**
 * One sha256, in hexadecimal, over the names and contents of everything that the WebAssembly files are made from, without
 * lines that are comments: whoever changes no more than these needs no toolchain.
 * @param {string} root the repository
 */
export function hashSources(root) {
  const hash = createHash("sha256");
  for (const path of sourceRoots.flatMap((source) => filesBelow(root, source))) {
    const lines = readFileSync(join(root, path), "utf8").split("\n");
    const content = lines.filter((line) => !/^\s*(\/\/|#(?![![]))/.test(line)).join("\n");
    hash.update(`${path}\0${String(content.length)}\0`).update(content);
  }
  return hash.digest("hex");
}

/**
 * The sha256 of some bytes, in hexadecimal.
 * @param {Uint8Array} bytes
 */
export const sha256 = (bytes) => createHash("sha256").update(bytes).digest("hex");
