// A project outside of the repository, with the tarball installed and the frameworks within its reach.
import { spawnSync } from "node:child_process";
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { install, pack } from "../../scripts/tarball.mjs";

const here = fileURLToPath(new URL(".", import.meta.url));
const page = readFileSync(new URL("../../docs/frameworks.md", import.meta.url), "utf8");

/** Where the frameworks and their programs are. */
export const tools = join(here, "node_modules");

/**
 * Runs a program; where it fails, what it prints is the error.
 * @param {string} folder
 * @param {string} program
 * @param {readonly string[]} parameters
 */
export function run(folder, program, parameters) {
  const { error, status, stdout, stderr } = spawnSync(program, parameters, {
    cwd: folder,
    encoding: "utf8",
    env: { ...process.env, NO_COLOR: "1" },
    timeout: 120_000,
  });
  if (status !== 0) throw new Error(`${program} ${parameters.join(" ")}\n${stdout}${stderr}`, { cause: error });
  return { stdout, stderr };
}

/**
 * What docs/frameworks.md calls a file: a block of code whose fence names the file behind the language.
 * @param {string} name
 */
function documented(name) {
  const found = [...page.matchAll(/^```\w+ (\S+)\n(.*?)^```$/gms)].filter(([, file]) => file === name);
  if (found.length !== 1) throw new Error(`docs/frameworks.md has ${found.length} blocks named ${name}`);
  return found[0][2];
}

/** The files that readers are told to write, by the folder of this test whose other files use them. */
const documentedFiles = {
  runners: ["attention.test.js"],
  vite: ["AttentionWeights.jsx", "Softmax.jsx", "AttentionWeights.vue", "AttentionWeights.svelte"],
};

/** Packs the package, and makes a project of this test's files and the documentation's. */
export function openProject() {
  const workspace = realpathSync(mkdtempSync(join(tmpdir(), "wasm-attention-frameworks-")));
  // Frameworks are found here; the package is not.
  symlinkSync(tools, join(workspace, "node_modules"), "junction");
  const folder = join(workspace, "project");
  mkdirSync(folder);
  writeFileSync(join(folder, "package.json"), '{ "private": true, "type": "module" }\n');
  install(folder, pack(workspace).path);
  for (const name of ["runners", "state", "vite", "react-native"]) {
    cpSync(join(here, name), join(folder, name), { recursive: true });
  }
  for (const [name, files] of Object.entries(documentedFiles)) {
    for (const file of files) writeFileSync(join(folder, name, file), documented(file));
  }
  return {
    folder,
    /** The package as it is installed. */
    package: join(folder, "node_modules/wasm-attention"),
    close: () => rmSync(workspace, { recursive: true, force: true }),
  };
}
