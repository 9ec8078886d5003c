// Tests the tarball: its exact files, its declarations by publint, arethetypeswrong and three compilers, what the entries for
// hosts that compile no bytes contain, that nothing names the machine that built it, and both module formats, in a project
// of its own.
// `npm run test:package`, after `npm run build`; its packages are installed once by `npm ci --prefix test/package`.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { isAbsolute, join } from "node:path";
import { fileURLToPath } from "node:url";
import { install, pack } from "../../scripts/tarball.mjs";
import { useOfEntry, useOfLearning, useOfResults, useOfSubpaths } from "./typed-uses.mjs";
import { buildNames } from "../../scripts/wasm-recipe.mjs";

const root = fileURLToPath(new URL("../..", import.meta.url)).replace(/[\\/]$/, "");
const tools = fileURLToPath(new URL("node_modules", import.meta.url));
const project = mkdtempSync(join(tmpdir(), "wasm-attention-package-"));

if (!existsSync(tools)) {
  console.error("The packages of this test are not installed. Install them once: npm ci --prefix test/package");
  process.exit(1);
}

/** Declarations that entries share. */
const sharedDeclarations = "indices module operand rotary-frequencies self-attention softmax unsupported-tensor".split(
  " ",
);

/** What the tarball holds; `*` stands for the hash in the name of what entries share. */
const expectedFiles = [
  "CHANGELOG.md",
  "LICENSE",
  "README.md",
  "THIRD-PARTY-NOTICES.md",
  // What entries share: runtime and tensors, operations by who takes them in, layers, files; in ESM also what compiles bytes,
  // and what takes modules only.
  ...Array(9).fill(["dist/chunk-*.cjs", "dist/chunk-*.cjs.map"]).flat(),
  ...Array(11).fill(["dist/chunk-*.js", "dist/chunk-*.js.map"]).flat(),
  ...["index", "io", "nn", "slim", "train"].flatMap((name) =>
    [".cjs", ".cjs.map", ".d.cts", ".d.ts", ".js", ".js.map"].map((ending) => `dist/${name}${ending}`),
  ),
  ...["edge-light", ...buildNames.map((name) => `edge-light-${name}`), "slim-module-only", "workerd"].flatMap((name) =>
    [".d.ts", ".js", ".js.map"].map((ending) => `dist/${name}${ending}`),
  ),
  ...sharedDeclarations.flatMap((name) => [`dist/${name}-*.d.cts`, `dist/${name}-*.d.ts`]),
  "dist/module-only-*.d.ts",
  "package.json",
  ...buildNames.flatMap((name) => [`ts/wasm/${name}.d.wasm.ts`, `ts/wasm/${name}.wasm`]),
].sort();

/** The name of a file without the hash of its content. */
const withoutHash = (/** @type {string} */ path) => path.replace(hashed, "$1*.");
const hashed = new RegExp(`^(dist/(?:${["chunk", "module-only", ...sharedDeclarations].join("|")})-)[\\w-]{8}\\.`);

/** What hosts get that refuse to compile bytes, or to build a text that could. */
const moduleOnlyEntries = ["workerd.js", "edge-light.js", "slim-module-only.js", "nn.js", "io.js", "train.js"];
const compilesBytes = /compile|instantiate\(|new WebAssembly\.Module|import\.meta|import\(/;

const wasmImport = 'import separate from "wasm-attention/separate.wasm";';
const wasmModuleImport = 'import separate from "wasm-attention/separate.wasm?module";';

const use = (/** @type {string} */ options) => `
  await init(${options});
  const { output } = scaledDotProductAttention(
    { data: [1, 0, 1], shape: [1, 3] },
    { data: [1, 1, 1], shape: [1, 3] },
    { data: [1, 1, 1], shape: [1, 3] },
  );
  assert.deepEqual([...output.toArray()], [1, 1, 1]);
`;
const slimOptions = '{ module: readFileSync("node_modules/wasm-attention/ts/wasm/separate.wasm") }';
/** After one entry's `init` the other's operations run, on the same tensors; so do layers and files. */
const oneRuntime = `
  assert.equal(slim.Tensor, entry.Tensor);
  assert.deepEqual([...slim.softmax(entry.Tensor.from([5])).toArray()], [1]);
  for (const subpath of [nn, io]) {
    const names = Object.keys(subpath).filter((name) => name in entry);
    assert.ok(names.length > 1);
    for (const name of names) assert.equal(subpath[name], entry[name], name);
  }
`;
/**
 * A step on the squared error of w · x, with a layer and a tensor that are older than the tape.
 * @param {string} load an expression for the exports of train
 */
const learning = (load) => `
  const layer = new Linear(1, 1, { bias: false });
  layer.loadStateDict({ weight: { data: [1], shape: [1, 1] } });
  const x = Tensor.from([[2]]);
  const y = Tensor.from([[4]]);
  assert.throws(() => (x.requiresGrad = true), /import "wasm-attention\\/train"/);
  const { mseLoss, SGD } = ${load};
  x.requiresGrad = true;
  mseLoss(layer.forward(x), y).backward();
  assert.deepEqual([...x.grad.toArray()], [-4]);
  assert.deepEqual([...layer.weight.grad.toArray()], [-8]);
  new SGD(layer.parameters(), { lr: 0.5 }).step();
  assert.deepEqual([...layer.forward(x).toArray()], [10]);
`;
const imported = 'await import("wasm-attention/train")';
const required = 'require("./node_modules/wasm-attention/dist/train.cjs")';
/** The subpaths on the runtime that slim made: one memory, whose bytes come back. */
const subpaths = `
  const before = memoryUsage().bytesInUse;
  const saved = new Linear(2, 1);
  const file = saveSafetensors(saved.stateDict());
  saved.loadStateDict(loadSafetensors(file).tensors);
  assert.deepEqual(saved.forward(Tensor.from([[1, 2]])).shape, [1, 1]);
  assert.ok(memoryUsage().bytesInUse > before);
`;

/** Functions and classes are called what they are exported as: in errors, and where a debugger shows a value. */
const names = `
  for (const [name, value] of Object.entries(entry)) {
    if (typeof value === "function") assert.equal(value.name, name);
  }
`;

/** wrangler 4.60 takes what `.wasm?module` resolves to for the WebAssembly itself. */
const moduleFiles = `
  import assert from "node:assert/strict";
  for (const name of ${JSON.stringify(buildNames)}) {
    const file = import.meta.resolve("wasm-attention/" + name + ".wasm");
    assert.equal(import.meta.resolve("wasm-attention/" + name + ".wasm?module"), file);
  }`;

/** @type {Record<string, string>} */
const programs = {
  "import.mjs": `
    import assert from "node:assert/strict";
    import { createRequire } from "node:module";
    import * as entry from "wasm-attention";
    import * as io from "wasm-attention/io";
    import * as nn from "wasm-attention/nn";
    import * as slim from "wasm-attention/slim";
    const { init, scaledDotProductAttention, Tensor } = entry;
    ${use("")}
    // One copy, one memory, whichever way it is loaded.
    const require = createRequire(import.meta.url);
    assert.equal(require("wasm-attention").Tensor, Tensor);
    assert.equal(require("wasm-attention/nn").Linear, nn.Linear);
    assert.equal(require("wasm-attention/io").saveSafetensors, io.saveSafetensors);
    const { Linear } = nn;
    ${oneRuntime}${names}${learning(imported)}
    assert.equal(require("wasm-attention/train").SGD, SGD);`,
  "require.cjs": `
    const assert = require("node:assert/strict");
    const { init, Linear, scaledDotProductAttention, Tensor } = require("wasm-attention");
    (async () => {${use("")}${learning(imported)}})();`,
  // What Jest and older bundlers take.
  "commonjs.cjs": `
    const assert = require("node:assert/strict");
    const entry = require("./node_modules/wasm-attention/dist/index.cjs");
    const io = require("./node_modules/wasm-attention/dist/io.cjs");
    const nn = require("./node_modules/wasm-attention/dist/nn.cjs");
    const slim = require("./node_modules/wasm-attention/dist/slim.cjs");
    const { init, Linear, scaledDotProductAttention, Tensor } = entry;
    (async () => {${use("")}${oneRuntime}${names}${learning(required)}})();`,
  "slim.mjs": `
    import assert from "node:assert/strict";
    import { readFileSync } from "node:fs";
    import { loadSafetensors, saveSafetensors } from "wasm-attention/io";
    import { Linear } from "wasm-attention/nn";
    import { init, memoryUsage, scaledDotProductAttention, Tensor } from "wasm-attention/slim";
    await assert.rejects(init(), { code: "ERR_INVALID_TYPE" });
    assert.throws(() => new Linear(2, 1), { code: "ERR_NOT_INITIALIZED" });
    ${use(slimOptions)}${subpaths}${learning(imported)}`,
  "slim.cjs": `
    const assert = require("node:assert/strict");
    const { readFileSync } = require("node:fs");
    const { loadSafetensors, saveSafetensors } = require("./node_modules/wasm-attention/dist/io.cjs");
    const { Linear } = require("./node_modules/wasm-attention/dist/nn.cjs");
    const slim = require("./node_modules/wasm-attention/dist/slim.cjs");
    const { init, memoryUsage, scaledDotProductAttention, Tensor } = slim;
    (async () => {${use(slimOptions)}${subpaths}${learning(required)}})();`,
};

/** What an ES module of dist/ imports. */
const importsOf = (/** @type {string} */ text) =>
  // Not those of examples in comments, which stay in classes.
  [...text.matchAll(/^(?!\s*\*)(?:.* from|import) "([^"]+)";$/gm)].map(([, specifier]) => specifier);

/**
 * The file and whatever it imports of the package, by path in dist/.
 * @param {string} dist
 * @param {string} name
 * @param {Map<string, string>} [texts]
 */
function closureOf(dist, name, texts = new Map()) {
  if (texts.has(name)) return texts;
  const text = readFileSync(join(dist, name), "utf8");
  texts.set(name, text);
  for (const other of importsOf(text)) if (other.startsWith("./")) closureOf(dist, other.slice(2), texts);
  return texts;
}

/**
 * Runs a program and returns what it prints; where it fails, that is part of the error.
 * @param {string} program
 * @param {string[]} parameters
 */
function run(program, parameters) {
  const { status, stdout, stderr } = spawnSync(program, parameters, { cwd: project, encoding: "utf8" });
  assert.equal(status, 0, `${program} ${parameters.join(" ")}\n${stdout}${stderr}`);
  return stdout;
}

try {
  const tarball = pack(project);
  const files = tarball.files.map(({ path }) => path);
  assert.deepEqual(files.map(withoutHash).sort(), expectedFiles);
  console.log(`tarball: ${tarball.size} bytes, unpacked ${tarball.unpackedSize} bytes`);

  writeFileSync(join(project, "package.json"), '{ "private": true }\n');
  install(project, tarball.path);

  const installed = join(project, "node_modules/wasm-attention");
  const dist = join(installed, "dist");
  const isElsewhere = (/** @type {string} */ path) => isAbsolute(path) || /^\w+:/.test(path);
  for (const path of files) {
    const text = readFileSync(join(installed, path), "latin1");
    assert.ok(!text.includes(root), `${path} names the folder that it was built in`);
    if (!path.endsWith(".map")) continue;
    const { file = "", sourceRoot = "", sources, sourcesContent = [] } = JSON.parse(text);
    assert.deepEqual([file, sourceRoot, ...sources].filter(isElsewhere), [], `${path} names a path of some machine`);
    sources.forEach((/** @type {string} */ source, /** @type {number} */ index) => {
      if (source.endsWith(".bytes.ts")) assert.equal(sourcesContent[index], "", `${path} repeats the bytes`);
    });
  }

  // What delivers files as they are, to pages without a bundler.
  const { module, jsdelivr, unpkg } = JSON.parse(readFileSync(join(installed, "package.json"), "utf8"));
  assert.deepEqual([jsdelivr, unpkg], [module, module]);
  for (const entry of ["index.js", "slim.js", "nn.js", "io.js", "train.js"]) {
    for (const [name, text] of closureOf(dist, entry)) {
      for (const specifier of importsOf(text)) assert.match(specifier, /^\.\//, `${entry} reaches ${name}`);
    }
  }

  // What the search below must find, or it finds nothing anywhere.
  assert.match([...closureOf(dist, "index.js").values()].join(), compilesBytes);
  for (const entry of moduleOnlyEntries) {
    const texts = closureOf(dist, entry);
    assert.ok(texts.size > 1, `${entry} shares nothing`);
    for (const [name, text] of texts) {
      assert.doesNotMatch(text, compilesBytes, `${entry} reaches ${name}, which could compile bytes`);
    }
  }

  // Nothing of CommonJS, which requires no modules of WebAssembly.
  const wasmFiles = buildNames.flatMap((name) => [`./${name}.wasm`, `./${name}.wasm?module`]);
  console.log(run(process.execPath, [join(tools, "publint/src/cli.js"), tarball.path, "--strict"]));
  console.log(
    run(process.execPath, [
      join(tools, "@arethetypeswrong/cli/dist/index.js"),
      tarball.path,
      ...["--no-color", "--no-emoji", "--exclude-entrypoints", ...wasmFiles],
    ]),
  );

  const entries = { "wasm-attention": "use", "wasm-attention/slim": "slim" };
  for (const [entry, name] of Object.entries(entries)) {
    writeFileSync(join(project, `${name}.mts`), useOfEntry(entry, name === "slim" ? wasmModuleImport : wasmImport));
    writeFileSync(join(project, `${name}.cts`), useOfEntry(entry, "declare const separate: WebAssembly.Module;"));
    for (const ending of ["mts", "cts"]) {
      writeFileSync(join(project, `${name}-subpaths.${ending}`), useOfSubpaths(entry));
      writeFileSync(join(project, `${name}-results.${ending}`), useOfResults(entry));
      writeFileSync(join(project, `${name}-learning.${ending}`), useOfLearning(entry));
    }
  }
  // TypeScript 5.2 takes the declarations of a `.wasm` file for a module that CommonJS can't require.
  writeFileSync(join(project, "wasm.cts"), `${wasmImport}\nexport const module: WebAssembly.Module = separate;\n`);
  const settings = ["--strict", "--noEmit", "--skipLibCheck", "false", "--allowArbitraryExtensions"];
  const target = ["--target", "es2022", "--lib", "es2022,dom"];
  const bundler = ["--module", "esnext", "--moduleResolution", "bundler"];
  const uses = Object.values(entries).flatMap((name) =>
    ["", "-subpaths", "-results", "-learning"].map((part) => `${name}${part}`),
  );
  const modules = uses.map((name) => `${name}.mts`);
  const commonModules = uses.map((name) => `${name}.cts`);
  const current = [
    ["--module", "nodenext", ...modules, ...commonModules],
    [...bundler, ...modules],
    [...bundler, "--customConditions", "workerd", ...modules],
    [...bundler, "--customConditions", "workerd,unwasm", ...modules],
    [...bundler, "--customConditions", "edge-light", ...modules],
  ];
  // Without `exports`; TypeScript 7 has given it up.
  const beforeExports = ["--module", "commonjs", "--moduleResolution", "node10", ...commonModules];
  const compilers = {
    [join(tools, "typescript-oldest")]: [...current, beforeExports],
    [join(tools, "typescript-newest")]: [...current, ["--module", "nodenext", "wasm.cts"]],
    // The newest that resolves as before `exports`.
    [join(root, "node_modules/typescript")]: [beforeExports],
  };
  for (const [compiler, kinds] of Object.entries(compilers)) {
    for (const kind of kinds) run(process.execPath, [join(compiler, "bin/tsc"), ...settings, ...target, ...kind]);
  }

  run(process.execPath, ["--conditions=workerd", "--input-type=module", "--eval", moduleFiles]);
  for (const [name, text] of Object.entries(programs)) {
    writeFileSync(join(project, name), text);
    run(process.execPath, [name]);
  }
  console.log("the tarball's files, types, entries and both module formats are as expected");
} finally {
  rmSync(project, { recursive: true, force: true });
}
