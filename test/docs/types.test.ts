/**
 * The JavaScript and TypeScript blocks of the README, of docs/ and of the examples' READMEs pass the compiler in strict
 * mode, pasted into a TypeScript module.
 *
 * A block that leaves out what its text has named says so in an HTML comment right before it, `<!-- declarations: … -->`,
 * whose code is compiled in front of it.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { beforeAll, describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("../../", import.meta.url));
const pagesIn = (folder: string): string[] =>
  readdirSync(join(root, folder))
    .filter((name) => name.endsWith(".md"))
    .map((name) => join(folder, name));
const examples = readdirSync(join(root, "examples"), { withFileTypes: true }).filter((entry) => entry.isDirectory());
const documents = [".", "docs", "bench", ...examples.map(({ name }) => `examples/${name}`)].flatMap(pagesIn);

/**
 * Every fence of JavaScript or TypeScript, whatever follows the language's name, indented or not. Components (jsx, vue,
 * svelte) are built and run by test/frameworks.
 */
const FENCE = /^ *(`{3,}|~{3,})(?:js|mjs|cjs|ts|mts|cts|javascript|typescript)\b.*\n([^]*?)^ *\1/gm;
const DECLARATIONS = /<!-- declarations:\n([^]*?)-->\s*$/;

const blocks = new Map(
  documents.flatMap((document) => {
    const text = readFileSync(join(root, document), "utf8");
    return [...text.matchAll(FENCE)].map((fence): [string, string] => {
      const line = text.slice(0, fence.index).split("\n").length;
      const declarations = DECLARATIONS.exec(text.slice(0, fence.index))?.[1] ?? "";
      return [join(root, `${document}.line-${line}.mts`), `${declarations}${fence[2]}`];
    });
  }),
);

/** What the compiler has against each block. */
function diagnose(texts: ReadonlyMap<string, string>): Map<string, string[]> {
  const options: ts.CompilerOptions = {
    strict: true,
    noEmit: true,
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.ESNext,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
    moduleDetection: ts.ModuleDetectionKind.Force,
    lib: ["lib.es2022.d.ts", "lib.dom.d.ts", "lib.esnext.disposable.d.ts"],
    types: ["node"],
    skipLibCheck: true,
    allowArbitraryExtensions: true,
    // The sources, whose types the built declarations repeat.
    paths: {
      "wasm-attention/*.wasm": [join(root, "ts/wasm/*.wasm")],
      "wasm-attention/*.wasm?module": [join(root, "ts/entry/edge-light-*.ts")],
    },
  };
  for (const entry of ["default", "slim", "nn", "io"]) {
    const specifier = entry === "default" ? "wasm-attention" : `wasm-attention/${entry}`;
    options.paths = { ...options.paths, [specifier]: [join(root, `ts/entry/${entry}.ts`)] };
  }
  const files = ts.createCompilerHost(options);
  const host: ts.CompilerHost = {
    ...files,
    fileExists: (path) => texts.has(path) || files.fileExists(path),
    readFile: (path) => texts.get(path) ?? files.readFile(path),
    getSourceFile: (path, language, ...rest) => {
      const text = texts.get(path);
      return text === undefined
        ? files.getSourceFile(path, language, ...rest)
        : ts.createSourceFile(path, text, language);
    },
  };
  const program = ts.createProgram([...texts.keys()], options, host);
  const describeAll = (diagnostics: readonly ts.Diagnostic[]): string[] =>
    diagnostics.map(({ messageText, file, start }) => {
      const line = file === undefined ? "" : file.text.slice(0, start).split("\n").length;
      return `${line}: ${ts.flattenDiagnosticMessageText(messageText, " ")}`;
    });
  expect(describeAll(program.getOptionsDiagnostics())).toEqual([]);
  return new Map(
    [...texts.keys()].map((path) => [
      path,
      describeAll(ts.getPreEmitDiagnostics(program, program.getSourceFile(path))),
    ]),
  );
}

describe("types of the code in the documentation", () => {
  const misuse = join(root, "misuse.mts");
  let diagnostics: Map<string, string[]>;
  beforeAll(() => {
    diagnostics = diagnose(new Map([...blocks, [misuse, 'import { init } from "wasm-attention";\ninit(1);']]));
  }, 60_000);

  it("are checked", () => {
    expect(blocks.size).toBeGreaterThan(10);
    expect(diagnostics.get(misuse)).toEqual([expect.stringMatching(/^2: .*InitOptions/)]);
  });
  it.each([...blocks.keys()].map((path) => ({ name: relative(root, path), path })))("$name", ({ path }) => {
    expect(diagnostics.get(path)).toEqual([]);
  });
});
